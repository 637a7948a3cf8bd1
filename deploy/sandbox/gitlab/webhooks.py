"""Tell a project's webhooks what was pushed, as GitLab does: once, ten seconds, no retry.

https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
"""

from __future__ import annotations

import asyncio
import fnmatch
import ssl
import time
import uuid
from typing import Any

import aiohttp

from deploy.sandbox.common.host import Context

from .accounts import Hook, Project, User
from .reading import Reading
from .writing import ZERO, Change

TIMEOUT = aiohttp.ClientTimeout(total=10)
COMMITS_SHOWN = 20
BRANCHES, TAGS = "refs/heads/", "refs/tags/"


def wants(hook: Hook, change: Change) -> bool:
    """Return whether a hook is subscribed to this change."""
    if change.ref.startswith(TAGS):
        return hook.tag_push_events
    branch = change.ref.removeprefix(BRANCHES)
    return hook.push_events and fnmatch.fnmatchcase(branch, hook.push_events_branch_filter or "*")


async def event(reading: Reading, project: dict[str, Any], user: User, change: Change) -> dict[str, Any]:
    """Return the body of a push or tag event; `project` is the project's part of it."""
    is_tag = change.ref.startswith(TAGS)
    sha = None if change.after == ZERO else await reading.git.find_commit(change.after)
    commits: list[dict[str, Any]] = []
    if sha is not None:
        known = change.before if change.before != ZERO else None
        if known is None or is_tag:  # a new branch or tag: GitLab shows its newest commit
            commits = await reading.commits("-1", sha)
        else:
            commits = await reading.commits(f"{known}..{sha}")
    shown = commits[:COMMITS_SHOWN]
    return {
        "object_kind": "tag_push" if is_tag else "push",
        "event_name": "tag_push" if is_tag else "push",
        "before": change.before,
        "after": change.after,
        "ref": change.ref,
        "ref_protected": False,
        "checkout_sha": sha,
        "message": None,
        "user_id": user.id,
        "user_name": user.name,
        "user_username": user.username,
        "user_email": user.email,
        "user_avatar": None,
        "project_id": project["id"],
        "project": project,
        "repository": {
            "name": project["name"],
            "url": project["git_ssh_url"],
            "description": project["description"],
            "homepage": project["homepage"],
            "git_http_url": project["git_http_url"],
            "git_ssh_url": project["git_ssh_url"],
            "visibility_level": project["visibility_level"],
        },
        "commits": [await _commit(reading, commit) for commit in reversed(shown)],
        "total_commits_count": len(commits),
        "push_options": {},
    }


async def _commit(reading: Reading, commit: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": commit["id"],
        "message": commit["message"],
        "title": commit["title"],
        "timestamp": commit["committed_date"],
        "url": commit["web_url"],
        "author": {"name": commit["author_name"], "email": commit["author_email"]},
        **await reading.changed_paths(commit["id"]),
    }


class Webhooks:
    """Sends events in the background; whoever pushes never waits for a receiver."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the client."""
        self._session = aiohttp.ClientSession(timeout=TIMEOUT)

    async def stop(self) -> None:
        """Drop what is still on its way, as a stopped Sidekiq would."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def announce(self, hooks: list[Hook], project: Project, path: str, body: dict[str, Any]) -> None:
        """Send one event to these hooks without waiting."""
        for hook in hooks:
            task = asyncio.create_task(self._announce(hook, project, path, body))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _announce(self, hook: Hook, project: Project, path: str, body: dict[str, Any]) -> None:
        await self.deliver(hook, project, path, body)

    async def deliver(self, hook: Hook, project: Project, path: str, body: dict[str, Any]) -> str:
        """Send one event and return the receiver's status or what went wrong; it is journaled either way."""
        assert self._session is not None
        kind = "Tag Push Hook" if body["object_kind"] == "tag_push" else "Push Hook"
        delivery = str(uuid.uuid4())
        headers = {
            "User-Agent": "GitLab/18.5.0",
            "X-Gitlab-Event": kind,
            "X-Gitlab-Webhook-UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path}#{hook.id}")),
            "X-Gitlab-Instance": self._context.url("gitlab"),
            "X-Gitlab-Event-UUID": delivery,
            "Idempotency-Key": delivery,
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        started = time.monotonic()
        if self._context.faults.take("gitlab", "POST", f"/{path} {hook.url}", ("lost_webhook",)) is not None:
            outcome = "lost"
        else:
            outcome = await self._post(hook, headers, body)
        self._context.journal.record(
            server="gitlab", method="WEBHOOK", path=hook.url, status=outcome, project=path, project_id=project.id,
            ref=body["ref"], event=kind, delivery=delivery, ms=round((time.monotonic() - started) * 1000, 1),
        )  # fmt: skip
        return outcome

    async def _post(self, hook: Hook, headers: dict[str, str], body: dict[str, Any]) -> str:
        assert self._session is not None
        try:
            async with self._session.post(
                hook.url, json=body, headers=headers, ssl=self._trust(hook), allow_redirects=False
            ) as response:
                return str(response.status)
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, ValueError) as exc:
            return f"{type(exc).__name__}: {exc}"

    def _trust(self, hook: Hook) -> ssl.SSLContext | bool:
        if not hook.enable_ssl_verification:
            return False
        trust = ssl.create_default_context()
        trust.load_verify_locations(self._context.authority.ca_file)
        return trust
