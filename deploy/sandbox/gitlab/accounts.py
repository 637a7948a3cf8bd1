"""People, tokens, groups, projects and hooks: what GitLab keeps beside the repositories, as one JSON file."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import os
import secrets
from pathlib import Path

import msgspec

GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50


def now() -> dt.datetime:
    """Return this moment with milliseconds, as GitLab shows times."""
    moment = dt.datetime.now(dt.UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class User(msgspec.Struct):
    """A person or a bot."""

    id: int
    username: str
    name: str
    email: str
    admin: bool = False


class Token(msgspec.Struct):
    """A personal access token; only its hash is kept."""

    id: int
    user_id: int
    name: str
    scopes: list[str]
    sha256: str
    created_at: dt.datetime
    expires_at: dt.date | None = None
    revoked: bool = False
    last_used_at: dt.datetime | None = None

    @property
    def expired(self) -> bool:
        """Return whether its last day has begun; GitLab's tokens end at midnight UTC of that day."""
        return self.expires_at is not None and now().date() >= self.expires_at

    @property
    def active(self) -> bool:
        """Return whether it opens anything."""
        return not self.revoked and not self.expired


class Group(msgspec.Struct):
    """A namespace with members (user id → access level)."""

    id: int
    path: str
    name: str
    members: dict[int, int] = {}


class Hook(msgspec.Struct):
    """A webhook of a project."""

    id: int
    url: str
    created_at: dt.datetime
    token: str = ""
    name: str = ""
    description: str = ""
    push_events: bool = True
    tag_push_events: bool = False
    push_events_branch_filter: str = ""
    enable_ssl_verification: bool = True


class Project(msgspec.Struct):
    """A repository and what belongs to it."""

    id: int
    group_id: int
    path: str
    name: str
    created_at: dt.datetime
    last_activity_at: dt.datetime
    description: str = ""
    default_branch: str = "main"
    visibility: str = "private"
    members: dict[int, int] = {}
    hooks: list[Hook] = []


class State(msgspec.Struct):
    """Everything, as it is on disk."""

    next_id: int = 1
    users: list[User] = []
    tokens: list[Token] = []
    groups: list[Group] = []
    projects: list[Project] = []


class Accounts:
    """The state in memory; `save()` after each change writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.state = msgspec.json.decode(path.read_bytes(), type=State) if path.exists() else State()

    def save(self) -> None:
        """Write the state; a kill leaves the old file or the new one, never half of one."""
        partial = self._path.with_suffix(".new")
        partial.touch(mode=0o600)
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(self.state))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)

    def take_id(self) -> int:
        """Return an id that nothing else has."""
        number = self.state.next_id
        self.state.next_id += 1
        return number

    def ensure_user(self, username: str, name: str, *, admin: bool = False) -> User:
        """Return the user of that name, made where it is missing."""
        found = next((user for user in self.state.users if user.username == username), None)
        if found is None:
            found = User(self.take_id(), username, name, f"{username}@sandbox.localhost", admin)
            self.state.users.append(found)
        return found

    def ensure_token(self, user: User, name: str, secret: str, scopes: list[str]) -> None:
        """Make sure that this secret opens the door for the user."""
        digest = _digest(secret)
        if not any(token.sha256 == digest for token in self.state.tokens):
            self.state.tokens.append(Token(self.take_id(), user.id, name, scopes, digest, now()))

    def create_token(self, user: User, name: str, scopes: list[str], expires_at: dt.date | None) -> tuple[Token, str]:
        """Make a token; its secret is returned once and never again."""
        secret = f"glpat-{secrets.token_urlsafe(15)}"
        token = Token(self.take_id(), user.id, name, scopes, _digest(secret), now(), expires_at)
        self.state.tokens.append(token)
        return token, secret

    def find_token(self, secret: str) -> Token | None:
        """Return the token with that secret, active or not."""
        digest = _digest(secret)
        return next((token for token in self.state.tokens if secrets.compare_digest(token.sha256, digest)), None)

    def user(self, user_id: int) -> User:
        """Return the user with that id, which is known to exist."""
        return next(user for user in self.state.users if user.id == user_id)

    def find_user(self, user_id: int) -> User | None:
        """Return the user with that id, or None."""
        return next((user for user in self.state.users if user.id == user_id), None)

    def find_group(self, key: str | int) -> Group | None:
        """Return the group with that id or path, or None."""
        return next((group for group in self.state.groups if str(key) in (str(group.id), group.path)), None)

    def ensure_group(self, path: str) -> Group:
        """Return the group of that path, made where it is missing."""
        found = self.find_group(path)
        if found is None:
            found = Group(self.take_id(), path, path.replace("-", " ").title())
            self.state.groups.append(found)
        return found

    def group(self, project: Project) -> Group:
        """Return the group that a project is in."""
        return next(group for group in self.state.groups if group.id == project.group_id)

    def full_path(self, project: Project) -> str:
        """Return `group/project`."""
        return f"{self.group(project).path}/{project.path}"

    def find_project(self, key: str | int) -> Project | None:
        """Return the project with that id or full path, or None."""
        wanted = str(key)
        return next((p for p in self.state.projects if wanted in (str(p.id), self.full_path(p))), None)

    def add_project(self, group: Group, path: str, name: str, *, description: str = "") -> Project:
        """Add a project; its repository is the caller's to make."""
        moment = now()
        project = Project(self.take_id(), group.id, path, name, moment, moment, description)
        self.state.projects.append(project)
        return project

    def access_level(self, user: User, project: Project) -> int:
        """Return the user's highest access level in a project; 0 is none."""
        levels = (project.members.get(user.id, 0), self.group(project).members.get(user.id, 0))
        return OWNER if user.admin else max(levels)

    def may_see(self, user: User, project: Project) -> bool:
        """Return whether a signed-in user knows that the project exists."""
        return project.visibility in ("public", "internal") or self.access_level(user, project) >= GUEST

    def visible_projects(self, user: User) -> list[Project]:
        """Return the projects that a user may see, newest first."""
        return sorted((p for p in self.state.projects if self.may_see(user, p)), key=lambda p: -p.id)

    def members(self, project: Project) -> list[tuple[User, int]]:
        """Return who has which access level, inherited levels too."""
        ids = dict.fromkeys(itertools.chain(project.members, self.group(project).members))
        found = ((self.find_user(user_id), user_id) for user_id in ids)
        return [(user, self.access_level(user, project)) for user, _ in found if user is not None]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
