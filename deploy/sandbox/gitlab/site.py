"""What every handler needs: the accounts, the repositories on disk, who may what, and the webhooks."""

from __future__ import annotations

import shutil
from typing import Any

from deploy.sandbox.common.host import Context

from . import webhooks
from .access import Access
from .accounts import Accounts, Group, Project, User, now
from .api import presenters
from .git import Git, create
from .reading import Reading
from .writing import Change


class Site:
    """One GitLab, between its start and its stop."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.url = context.url("gitlab")
        self.folder = context.folder("gitlab")
        self.accounts = Accounts(self.folder / "accounts.json")
        self.access = Access(self.accounts)
        self.webhooks = webhooks.Webhooks(context)
        self._repositories: dict[int, Git] = {}

    def git(self, project: Project) -> Git:
        """Return the repository of a project; one object each, so that its lock is one."""
        if project.id not in self._repositories:
            self._repositories[project.id] = Git(self.folder / "repositories" / f"{project.id}.git")
        return self._repositories[project.id]

    def reading(self, project: Project) -> Reading:
        """Return the repository of a project for reading."""
        return Reading(self.git(project), f"{self.url}/{self.accounts.full_path(project)}")

    async def present(self, project: Project, viewer: User) -> dict[str, Any]:
        """Return a project as the API shows it to somebody."""
        empty = not await self.git(project).refs()
        return presenters.project(self.accounts, project, viewer, self.url, empty=empty)

    async def create_project(self, group: Group, path: str, name: str, *, description: str = "") -> Project:
        """Add a project with an empty repository. It is saved by the caller, with what else the caller changes."""
        project = self.accounts.add_project(group, path, name, description=description)
        folder = self.git(project).folder
        if folder.exists():  # left by a process that was killed between repository and accounts
            shutil.rmtree(folder)
        await create(folder, project.default_branch)
        return project

    def remove_project(self, project: Project) -> None:
        """Remove a project with its repository."""
        self.accounts.state.projects.remove(project)
        self.accounts.save()
        shutil.rmtree(self._repositories.pop(project.id, self.git(project)).folder, ignore_errors=True)
        self._repositories.pop(project.id, None)

    async def announce(self, project: Project, user: User, changes: list[Change]) -> None:
        """Remember the activity and tell the project's webhooks."""
        if not changes:
            return
        project.last_activity_at = now()
        self.accounts.save()
        shown = presenters.event_project(self.accounts, project, self.url)
        for change in changes:
            hooks = [hook for hook in project.hooks if webhooks.wants(hook, change)]
            if hooks:
                body = await webhooks.event(self.reading(project), shown, user, change)
                self.webhooks.announce(hooks, project, self.accounts.full_path(project), body)
