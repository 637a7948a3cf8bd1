"""What the remote API answers: items, builds and queue items as JSON, field by field as Jenkins names them.

https://www.jenkins.io/doc/book/using/remote-access-api/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import definitions
from .builds import Build, now_ms
from .items import Item, Items
from .queue import EXECUTORS, Queue, QueueItem

NEWEST_BUILDS = 100  # Jenkins lists no more under `builds`; `allBuilds` has all
RUN = "org.jenkinsci.plugins.workflow.job.WorkflowRun"
COLORS = {None: "notbuilt", "SUCCESS": "blue", "FAILURE": "red", "UNSTABLE": "yellow", "ABORTED": "aborted"}
PERMALINKS: dict[str, Callable[[dict[str, Any] | None], bool]] = {
    "lastBuild": lambda _end: True,
    "lastCompletedBuild": lambda end: end is not None,
    "lastFailedBuild": lambda end: end is not None and end["result"] == "FAILURE",
    "lastStableBuild": lambda end: end is not None and end["result"] == "SUCCESS",
    "lastSuccessfulBuild": lambda end: end is not None and end["result"] in ("SUCCESS", "UNSTABLE"),
    "lastUnstableBuild": lambda end: end is not None and end["result"] == "UNSTABLE",
    "lastUnsuccessfulBuild": lambda end: end is not None and end["result"] != "SUCCESS",
}
STAGE_STATUS = {"SUCCESS": "SUCCESS", "FAILURE": "FAILED", "ABORTED": "ABORTED", "UNSTABLE": "UNSTABLE"}


class Shapes:
    """Makes the answers of one server; `root` is its URL with a slash at the end."""

    def __init__(self, root: str, items: Items, queue: Queue) -> None:
        self.root = root
        self._items = items
        self._queue = queue

    def item_url(self, item: Item) -> str:
        """Return the URL of an item's page."""
        return self.root + item.path

    def build_url(self, build: Build) -> str:
        """Return the URL of a build's page."""
        return f"{self.root}{Item(build.job, build.folder).path}{build.number}/"

    def server(self, *, deep: bool) -> dict[str, Any]:
        """Return what `/api/json` says."""
        return {
            "_class": "hudson.model.Hudson",
            "mode": "NORMAL",
            "nodeDescription": "the Jenkins controller's built-in node",
            "nodeName": "",
            "numExecutors": EXECUTORS,
            "description": "Slipway's sandbox: a development stand-in",
            "jobs": [self._listed(item, deep=deep) for item in self._items.children()],
            "quietingDown": self._queue.quieting_down,
            "url": self.root,
            "useCrumbs": True,
            "useSecurity": True,
            "views": [{"_class": "hudson.model.AllView", "name": "all", "url": self.root}],
        }

    def _listed(self, item: Item, *, deep: bool) -> dict[str, Any]:
        """Return an item as a list shows it; with all below it where `deep`."""
        definition = item.definition()
        shape: dict[str, Any] = {"_class": definition.kind, "name": item.name, "url": self.item_url(item)}
        if definition.kind != definitions.FOLDER:
            return shape | {"color": self._color(item, definition), "fullName": item.full_name}
        if deep:
            shape["jobs"] = [self._listed(child, deep=True) for child in self._items.children(item)]
        return shape

    def _color(self, item: Item, definition: definitions.Definition) -> str:
        if definition.disabled:
            return "disabled"
        ends = [build.end for build in item.builds()[:2]]
        running = bool(ends) and ends[0] is None
        end = ends[1] if running and len(ends) > 1 else (ends[0] if ends else None)
        return COLORS[end["result"] if end else None] + ("_anime" if running else "")

    def item(self, item: Item, *, deep: bool, all_builds: bool) -> dict[str, Any]:
        """Return what `/job/NAME/api/json` says; builds whole instead of by number where `deep`."""
        definition = item.definition()
        shape: dict[str, Any] = {
            "_class": definition.kind,
            "actions": [],
            "description": definition.description,
            "displayName": item.name,
            "fullDisplayName": item.full_name.replace("/", " » "),
            "fullName": item.full_name,
            "name": item.name,
            "url": self.item_url(item),
        }
        if definition.kind == definitions.FOLDER:
            return shape | {"jobs": [self._listed(child, deep=deep) for child in self._items.children(item)]}
        builds = item.builds()
        show = self.build if deep else self._reference
        waiting = self._queue.of_job(item.full_name)
        shape |= {
            "buildable": not definition.disabled,
            "builds": [show(build) for build in builds[:NEWEST_BUILDS]],
            "color": self._color(item, definition),
            "concurrentBuild": definition.concurrent,
            "disabled": definition.disabled,
            "firstBuild": show(builds[-1]) if builds else None,
            "healthReport": [],
            "inQueue": waiting is not None,
            "keepDependencies": False,
            "nextBuildNumber": item.next_number(),
            "property": [],
            "queueItem": self.queue_item(waiting) if waiting else None,
        }
        if all_builds:
            shape["allBuilds"] = [show(build) for build in builds]
        for name, fits in PERMALINKS.items():
            found = next((build for build in builds if fits(build.end)), None)
            shape[name] = show(found) if found else None
        if definition.parameters:
            shape["property"] = [
                {
                    "_class": "hudson.model.ParametersDefinitionProperty",
                    "parameterDefinitions": [parameter.shape() for parameter in definition.parameters],
                }
            ]
        return shape

    def _reference(self, build: Build) -> dict[str, Any]:
        return {"_class": RUN, "number": build.number, "url": self.build_url(build)}

    def build(self, build: Build) -> dict[str, Any]:
        """Return what `/job/NAME/N/api/json` says."""
        asked, end = build.asked, build.end
        return {
            "_class": RUN,
            "actions": _actions(asked["parameters"], asked["user"]),
            "artifacts": [
                {"displayPath": path, "fileName": path.rpartition("/")[2], "relativePath": path}
                for path in build.artifacts()
            ],
            "building": end is None,
            "description": None,
            "displayName": f"#{build.number}",
            "duration": end["ended"] - asked["timestamp"] if end else 0,
            "estimatedDuration": -1,
            "executor": {} if end is None else None,
            "fullDisplayName": f"{build.job.replace('/', ' » ')} #{build.number}",
            "id": str(build.number),
            "inProgress": end is None,
            "keepLog": False,
            "number": build.number,
            "queueId": asked["queue_id"],
            "result": end["result"] if end else None,
            "timestamp": asked["timestamp"],
            "url": self.build_url(build),
            "changeSets": [],
            "culprits": [],
        }

    def stages(self, build: Build) -> dict[str, Any]:
        """Return what `wfapi/describe` says: https://github.com/jenkinsci/pipeline-stage-view-plugin/tree/master/rest-api."""
        asked, end = build.asked, build.end
        ended = end["ended"] if end else now_ms()
        return {
            "id": str(build.number),
            "name": f"#{build.number}",
            "status": STAGE_STATUS[end["result"]] if end else "IN_PROGRESS",
            "startTimeMillis": asked["timestamp"],
            "endTimeMillis": ended,
            "durationMillis": ended - asked["timestamp"],
            "queueDurationMillis": 0,
            "pauseDurationMillis": 0,
            "stages": [
                {
                    "id": str(index),
                    "name": stage["title"],
                    "execNode": "",
                    "status": stage["status"],
                    "startTimeMillis": stage["started"],
                    "durationMillis": (stage["ended"] or now_ms()) - stage["started"],
                    "pauseDurationMillis": 0,
                }
                for index, stage in enumerate(build.stages, start=6)
            ],
        }

    def queue_item(self, entry: QueueItem) -> dict[str, Any]:
        """Return what `/queue/item/N/api/json` says."""
        job = self._items.find(entry.job)
        shape: dict[str, Any] = {
            "_class": "hudson.model.Queue$LeftItem",
            "actions": _actions(entry.parameters, entry.user),
            "blocked": False,
            "buildable": False,
            "id": entry.id,
            "inQueueSince": entry.since,
            "params": "".join(f"\n{value['name']}={value['value']}" for value in entry.parameters),
            "stuck": False,
            "task": self._listed(job, deep=False) if job else None,
            "url": f"queue/item/{entry.id}/",
            "why": None,
        }
        if entry.left_at is None:
            blocked = self._queue.is_blocked(entry)
            kind = "hudson.model.Queue$BlockedItem" if blocked else "hudson.model.Queue$BuildableItem"
            return shape | {"_class": kind, "blocked": blocked, "buildable": not blocked, "why": self._queue.why(entry)}
        build = job.build(entry.number) if job and entry.number else None
        return shape | {"cancelled": entry.cancelled, "executable": self._reference(build) if build else None}

    def queue(self) -> dict[str, Any]:
        """Return what `/queue/api/json` says."""
        return {
            "_class": "hudson.model.Queue",
            "discoverableItems": [],
            "items": [self.queue_item(entry) for entry in self._queue.waiting],
        }

    def nodes(self) -> dict[str, Any]:
        """Return what `/computer/api/json` says: one node, the server's own."""
        node = self.node()
        return {
            "_class": "hudson.model.ComputerSet",
            "busyExecutors": len(self._queue.running),
            "computer": [node],
            "displayName": "Nodes",
            "totalExecutors": len(node["executors"]),
        }

    def node(self) -> dict[str, Any]:
        """Return what `/computer/(built-in)/api/json` says."""
        running = self._queue.running
        return {
            "_class": "hudson.model.Hudson$MasterComputer",
            "displayName": "Built-In Node",
            "executors": [
                {
                    "number": number,
                    "idle": number not in running,
                    "currentExecutable": self._reference(running[number]) if number in running else None,
                }
                for number in range(EXECUTORS)
            ],
            "idle": not running,
            "numExecutors": EXECUTORS,
            "offline": False,
            "temporarilyOffline": False,
        }


def _actions(parameters: list[dict[str, Any]], user: str) -> list[dict[str, Any]]:
    cause = {
        "_class": "hudson.model.Cause$UserIdCause",
        "shortDescription": f"Started by user {user}",
        "userId": user,
        "userName": user,
    }
    actions: list[dict[str, Any]] = [{"_class": "hudson.model.CauseAction", "causes": [cause]}]
    if parameters:
        actions.insert(0, {"_class": "hudson.model.ParametersAction", "parameters": parameters})
    return actions
