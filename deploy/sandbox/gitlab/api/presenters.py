"""People, groups, projects, tokens and hooks as GitLab's JSON."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gitlab.accounts import Accounts, Group, Hook, Project, Token, User

VISIBILITY_LEVELS = {"private": 0, "internal": 10, "public": 20}


def user(person: User, url: str) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/users/ (the part that anybody sees)."""
    return {
        "id": person.id,
        "username": person.username,
        "name": person.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{url}/{person.username}",
    }


def current_user(person: User, url: str) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/users/#retrieve-the-current-user."""
    private = {"email": person.email, "commit_email": person.email, "bot": False, "external": False}
    return user(person, url) | private | ({"is_admin": True} if person.admin else {})


def token(entry: Token) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/personal_access_tokens/."""
    return {
        "id": entry.id,
        "name": entry.name,
        "revoked": entry.revoked,
        "created_at": entry.created_at.isoformat(),
        "description": None,
        "scopes": entry.scopes,
        "user_id": entry.user_id,
        "last_used_at": entry.last_used_at.isoformat() if entry.last_used_at else None,
        "active": entry.active,
        "expires_at": entry.expires_at.isoformat() if entry.expires_at else None,
    }


def group(entry: Group, url: str) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/groups/."""
    return {
        "id": entry.id,
        "name": entry.name,
        "path": entry.path,
        "full_name": entry.name,
        "full_path": entry.path,
        "description": "",
        "visibility": "private",
        "parent_id": None,
        "avatar_url": None,
        "web_url": f"{url}/groups/{entry.path}",
    }


def project(accounts: Accounts, entry: Project, viewer: User, url: str, *, empty: bool) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/projects/."""
    owner = accounts.group(entry)
    path = accounts.full_path(entry)
    host = url.split("://", 1)[1].split(":", 1)[0]
    own, inherited = entry.members.get(viewer.id), owner.members.get(viewer.id)
    return {
        "id": entry.id,
        "description": entry.description,
        "name": entry.name,
        "name_with_namespace": f"{owner.name} / {entry.name}",
        "path": entry.path,
        "path_with_namespace": path,
        "created_at": entry.created_at.isoformat(),
        "last_activity_at": entry.last_activity_at.isoformat(),
        "default_branch": entry.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@{host}:{path}.git",
        "http_url_to_repo": f"{url}/{path}.git",
        "web_url": f"{url}/{path}",
        "readme_url": f"{url}/{path}/-/blob/{entry.default_branch}/README.md",
        "avatar_url": None,
        "star_count": 0,
        "forks_count": 0,
        "visibility": entry.visibility,
        "archived": False,
        "empty_repo": empty,
        "namespace": {
            "id": owner.id, "name": owner.name, "path": owner.path, "kind": "group", "full_path": owner.path,
            "parent_id": None, "avatar_url": None, "web_url": f"{url}/groups/{owner.path}",
        },
        "permissions": {
            "project_access": {"access_level": own, "notification_level": 3} if own else None,
            "group_access": {"access_level": inherited, "notification_level": 3} if inherited else None,
        },
    }  # fmt: skip


def event_project(accounts: Accounts, entry: Project, url: str) -> dict[str, Any]:
    """Return the `project` part of a webhook event."""
    path = accounts.full_path(entry)
    host = url.split("://", 1)[1].split(":", 1)[0]
    ssh, http = f"git@{host}:{path}.git", f"{url}/{path}.git"
    return {
        "id": entry.id,
        "name": entry.name,
        "description": entry.description,
        "web_url": f"{url}/{path}",
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": http,
        "namespace": accounts.group(entry).name,
        "visibility_level": VISIBILITY_LEVELS[entry.visibility],
        "path_with_namespace": path,
        "default_branch": entry.default_branch,
        "ci_config_path": None,
        "homepage": f"{url}/{path}",
        "url": ssh,
        "ssh_url": ssh,
        "http_url": http,
    }


def hook(entry: Hook, owner: Project) -> dict[str, Any]:
    """Return the JSON of https://docs.gitlab.com/api/project_webhooks/ (the secret token is never shown again)."""
    return {
        "id": entry.id,
        "url": entry.url,
        "name": entry.name,
        "description": entry.description,
        "created_at": entry.created_at.isoformat(),
        "project_id": owner.id,
        "push_events": entry.push_events,
        "tag_push_events": entry.tag_push_events,
        "push_events_branch_filter": entry.push_events_branch_filter,
        "branch_filter_strategy": "wildcard",
        "enable_ssl_verification": entry.enable_ssl_verification,
        "alert_status": "executable",
        "disabled_until": None,
    }
