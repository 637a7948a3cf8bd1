"""The client of one Jenkins. Jobs are named with their folders, as in `slipway/shop/web`.

python-jenkins carries authentication, crumbs and jobs. Triggering is our own call: the library puts parameters into the
URL, where a Dockerfile is too long and every proxy would log it. So is the log, which it can only read whole.
Runs are found again by a parameter that carries our id, so that nothing is triggered twice after a crash.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote
from xml.sax.saxutils import escape

import jenkins
import msgspec
import requests

from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import (
    AlreadyExists,
    IntegrationError,
    Missing,
    Rejected,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
)
from apps.integrations.sessions import Session, VendorCalls

from . import job_xml
from .entities import BuildRun, LogChunk, QueueItem, Result, Stage

T = TypeVar("T")
Object = dict[str, Any]
NOT_FOUND = 404
SEARCH_DEPTH = 100
_RUN_FIELDS = "number,url,building,result,timestamp,duration,queueId,actions[parameters[name,value]]"
_ITEM_FIELDS = "id,why,cancelled,executable[number],actions[parameters[name,value]],task[url]"
_STRING_CREDENTIAL = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl"
_TAG = re.compile(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>")
_XML = {"Content-Type": "application/xml; charset=utf-8"}


class _Server(jenkins.Jenkins):  # type: ignore[misc]
    """python-jenkins on our session: bounded, verified, bound to its host."""

    def __init__(self, connection: Connection, session: Session, timeout: Timeout) -> None:
        super().__init__(connection.url, connection.username or None, connection.secret or None, timeout=timeout.read)
        self._session = session


class JenkinsClient:
    """One Jenkins, with one user's rights."""

    def __init__(self, connection: Connection, *, timeout: Timeout | None = None) -> None:
        timeout = timeout or Timeout()
        self._system = connection.system
        # python-jenkins asks for things that may not be there and reads the 404 itself.
        self._session = Session(connection, timeout, let_through=frozenset({NOT_FOUND}))
        self._server = _Server(connection, self._session, timeout)
        self._vendor = VendorCalls(connection, words=_words, vendor_error=self._vendor_error)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def version(self) -> str:
        """Return Jenkins' version."""
        # python-jenkins asks without credentials, which only an open Jenkins answers.
        answer = self._read("read version", lambda: self._get("api/json?tree=mode"))
        return answer.headers.get("X-Jenkins", "")

    def current_user(self) -> str:
        """Return the id of the user the token belongs to: the cheapest proof that it works."""
        return str(self._read("read user", self._server.get_whoami)["id"])

    # -- jobs ---------------------------------------------------------------------------------------------------

    def ensure_folder(self, path: str) -> bool:
        """Make sure that a folder is there, with all above it, and return whether any was made."""
        made = False
        for folder in itertools.accumulate(path.split("/"), "{}/{}".format):
            made |= self._ensure("folder", partial(self._server.create_folder, folder), folder)
        return made

    def ensure_job(self, name: str, xml: str) -> bool:
        """Make sure that a job is what its XML defines, and return whether anything was written.

        Its folder must be there.

        Raises:
            Missing: the folder is not.
            Rejected: Jenkins does not take the XML.
        """
        current = self.find_job_xml(name)
        if current is None and self._ensure("job", partial(self._server.create_job, name, xml), name):
            return True
        if current is not None and job_xml.is_same(current, xml):
            return False
        self._write("update job", Effect.REPEATABLE, lambda: self._server.reconfig_job(name, xml))
        return True

    def find_job_xml(self, name: str) -> str | None:
        """Return a job's config.xml, or None where there is no such job."""
        try:
            return str(self._read("read job", lambda: self._server.get_job_config(name)))
        except Missing:
            return None

    def delete_job(self, name: str) -> bool:
        """Delete a job or folder and return whether it was there."""
        if self.find_job_xml(name) is None:
            return False
        self._write("delete job", Effect.REPEATABLE, lambda: self._post(f"{_path(name)}/doDelete"))
        return True

    def ensure_string_credential(self, id: str, secret: str, *, description: str = "", folder: str = "") -> None:
        """Make sure that a secret text is in the store of a folder, or of the whole server without one.

        A secret cannot be read back, so it is always written.
        https://plugins.jenkins.io/plain-credentials/
        """
        store = f"{_path(folder)}/credentials/store/folder" if folder else "credentials/store/system"
        domain = f"{store}/domain/_"
        xml = (
            f"<{_STRING_CREDENTIAL}><scope>GLOBAL</scope><id>{escape(id)}</id>"
            f"<description>{escape(description)}</description><secret>{escape(secret)}</secret></{_STRING_CREDENTIAL}>"
        ).encode()
        one = f"{domain}/credential/{quote(id, safe='')}/config.xml"
        try:
            self._read("read credential", lambda: self._get(one))
        except Missing:
            create = f"{domain}/createCredentials"
            self._write("create credential", Effect.REPEATABLE, lambda: self._post(create, data=xml, headers=_XML))
        else:
            self._write("update credential", Effect.REPEATABLE, lambda: self._post(one, data=xml, headers=_XML))

    # -- runs ---------------------------------------------------------------------------------------------------

    def trigger(self, name: str, parameters: Mapping[str, str]) -> int:
        """Request a run of a job and return the id of its queue item.

        Jenkins drops parameters that the job does not define: `ensure_job` comes first.

        Raises:
            OutcomeUnknown: no answer came. Look with `find_queued` and `find_build` before triggering again.
            Missing: there is no such job.
        """
        path = f"{_path(name)}/buildWithParameters"
        answer = self._write("trigger job", Effect.ONCE, lambda: self._post(path, data=dict(parameters)))
        number = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if not number.isdecimal():
            raise UnexpectedResponse(self._system, "trigger job", answer.status_code, "the answer names no queue item")
        return int(number)

    def get_queue_item(self, id: int) -> QueueItem:
        """Return a queue item.

        Raises:
            Missing: Jenkins has forgotten it; look for the run with `find_build`.
        """
        path = f"queue/item/{id}/api/json?tree={_ITEM_FIELDS}"
        return self._read("read queue item", lambda: _queue_item(self._json(path)))

    def find_queued(self, name: str, parameter: str, value: str) -> QueueItem | None:
        """Return the waiting item of a job whose parameter has that value, or None."""
        path = f"queue/api/json?tree=items[{_ITEM_FIELDS}]"
        suffix = f"/{_path(name)}/"
        for item in self._read("list queue", lambda: self._json(path)).get("items") or []:
            if (item.get("task") or {}).get("url", "").endswith(suffix):
                found = _queue_item(item)
                if found.parameters.get(parameter) == value:
                    return found
        return None

    def cancel_queued(self, id: int) -> bool:
        """Take an item out of the queue and return whether it was still there: if not, it may have become a run.

        https://javadoc.jenkins.io/hudson/model/Queue.html#doCancelItem(long)
        """
        try:
            self._write("cancel queue item", Effect.REPEATABLE, lambda: self._post(f"queue/cancelItem?id={id}"))
        except Missing:
            return False
        except Unavailable as exc:
            # Jenkins' word, with status 500, for an item that has left the queue; it forgets it after some minutes.
            if "could not cancel" not in exc.message.lower():
                raise
            return False
        return True

    def get_build(self, name: str, number: int) -> BuildRun:
        """Return one run of a job.

        Raises:
            Missing: it was deleted, or never was.
        """
        path = f"{_path(name)}/{number}/api/json?tree={_RUN_FIELDS}"
        return self._read("read build", lambda: _build_run(self._json(path)))

    def find_build(self, name: str, parameter: str, value: str, *, depth: int = SEARCH_DEPTH) -> BuildRun | None:
        """Return the newest run of a job whose parameter has that value, among the last `depth`, or None."""
        path = f"{_path(name)}/api/json?tree=builds[{_RUN_FIELDS}]{{0,{depth}}}"
        try:
            builds = self._read("list builds", lambda: self._json(path)).get("builds") or []
        except Missing:
            return None
        runs = (_build_run(build) for build in builds)
        return next((run for run in runs if run.parameters.get(parameter) == value), None)

    def stop_build(self, name: str, number: int) -> bool:
        """Ask a run to stop and return whether it is known; a run that has ended stays as it ended."""
        try:
            self._write("stop build", Effect.REPEATABLE, lambda: self._post(f"{_path(name)}/{number}/stop"))
        except Missing:
            return False
        return True

    def list_stages(self, name: str, number: int) -> list[Stage]:
        """Return the stages of a pipeline run so far; none where the stage view plugin is not installed.

        https://plugins.jenkins.io/pipeline-rest-api/
        """
        path = f"{_path(name)}/{number}/wfapi/describe"
        try:
            return self._read("read stages", lambda: [_stage(each) for each in self._json(path).get("stages") or []])
        except Missing:
            return []

    def read_log(self, name: str, number: int, start: int = 0) -> LogChunk:
        """Return what a run has written from `start` on.

        Raises:
            Missing: the run was deleted.
        """
        path = f"{_path(name)}/{number}/logText/progressiveText?start={start}"
        answer = self._read("read log", lambda: self._get(path))
        size = answer.headers.get("X-Text-Size", "")
        next_offset = int(size) if size.isdecimal() else start + len(answer.content)
        more = answer.headers.get("X-More-Data") == "true"
        return LogChunk(answer.content, next_offset, more)

    def read_artifact(self, name: str, number: int, path: str) -> bytes:
        """Return a file that a run archived.

        Raises:
            Missing: there is no such run or file.
        """
        url = f"{_path(name)}/{number}/artifact/{quote(path)}"
        return self._read("read artifact", lambda: self._get(url)).content

    # -- the wire -----------------------------------------------------------------------------------------------

    def _read(self, operation: str, action: Callable[[], T]) -> T:
        return self._vendor(operation, Effect.READ, action)

    def _write(self, operation: str, effect: Effect, action: Callable[[], T]) -> T:
        try:
            return self._vendor(operation, effect, action)
        except Unauthorized as exc:
            if "crumb" not in exc.message.lower():
                raise
            # Crumbs end with the session, as when Jenkins restarts. The request was refused, so it may go again.
            self._server.crumb = None
            return self._vendor(operation, effect, action)

    def _ensure(self, what: str, create: Callable[[], None], name: str) -> bool:
        """Create something and return True, or False where it is there already."""
        if self.find_job_xml(name) is not None:
            return False
        try:
            self._write(f"create {what}", Effect.REPEATABLE, create)
        except (AlreadyExists, Rejected) as exc:
            if "already exists" not in exc.message:
                raise
            return False  # somebody was faster
        return True

    def _get(self, path: str) -> requests.Response:
        return self._request("GET", path)

    def _post(self, path: str, **content: Any) -> requests.Response:
        return self._request("POST", path, **content)

    def _request(self, method: str, path: str, **content: Any) -> requests.Response:
        request = requests.Request(method, f"{self._server.server}{path}", **content)
        answer: requests.Response = self._server.jenkins_request(request, add_crumb=method != "GET")
        return answer

    def _json(self, path: str) -> Object:
        answer: Object = msgspec.json.decode(self._get(path).content, type=dict)
        return answer

    def _vendor_error(self, operation: str, exc: Exception) -> IntegrationError | None:
        if isinstance(exc, jenkins.NotFoundException):
            return Missing(self._system, operation, NOT_FOUND, str(exc))
        if isinstance(exc, jenkins.JenkinsException):
            message = str(exc)
            if "already exists" in message:
                return AlreadyExists(self._system, operation, None, message)
            if "does not exist" in message or "folder for the job" in message:
                return Missing(self._system, operation, NOT_FOUND, message)
            return UnexpectedResponse(self._system, operation, None, message)
        if isinstance(exc, msgspec.DecodeError | KeyError | TypeError | ValueError):
            return UnexpectedResponse(self._system, operation, None, f"{type(exc).__name__}: {exc}")
        return None


def _path(name: str) -> str:
    return "/".join(f"job/{quote(part, safe='')}" for part in name.split("/"))


def _parameters(found: Object) -> dict[str, str]:
    given = (action.get("parameters") or [] for action in found.get("actions") or [] if action)
    return {each["name"]: _as_text(each.get("value")) for each in itertools.chain.from_iterable(given)}


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")


def _queue_item(found: Object) -> QueueItem:
    run = found.get("executable") or {}
    return QueueItem(
        int(found["id"]), found.get("why") or "", bool(found.get("cancelled")), run.get("number"), _parameters(found)
    )


def _build_run(found: Object) -> BuildRun:
    result = found.get("result")
    queue_id = found.get("queueId")
    return BuildRun(
        number=int(found["number"]),
        url=found.get("url") or "",
        building=bool(found.get("building")),
        # A result may be set while the run still cleans up; it counts when the run is over.
        result=Result(result) if result and not found.get("building") else None,
        started_at=_moment(found["timestamp"]),
        seconds=(found.get("duration") or 0) / 1000,
        queue_id=int(queue_id) if queue_id and int(queue_id) > 0 else None,
        parameters=_parameters(found),
    )


def _stage(found: Object) -> Stage:
    started = found.get("startTimeMillis")
    return Stage(
        id=str(found["id"]),
        name=found["name"],
        status=found.get("status") or "",
        started_at=_moment(started) if started else None,
        seconds=(found.get("durationMillis") or 0) / 1000,
        error=(found.get("error") or {}).get("message") or "",
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _words(body: bytes) -> str:
    """Return what Jenkins says: JSON with a message, or the text of an HTML page without its markup."""
    text = body.decode(errors="replace")
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return " ".join(_TAG.sub(" ", text).split())[:500]
    return str(said.get("message") or said.get("error") or "") if isinstance(said, dict) else ""
