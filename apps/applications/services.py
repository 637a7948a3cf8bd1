"""Verbs on projects and what belongs to them. Targets are put in place on their cluster by `preparation.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.audit import services as audit
from apps.clusters.models import Cluster
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core import messages
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput
from apps.core.events import emit
from apps.integrations import providers
from apps.integrations.errors import Missing

from .models import Application, Environment, Membership, Project, Target


def create_project(*, actor: Actor, slug: str, name: str, description: str = "", stages: Sequence[str] = ()) -> Project:
    """Create a project; who creates it is its owner. Each stage asked for becomes an environment of that name.

    Raises:
        InvalidInput: a field that does not fit, or a short name whose images would mix with the platform's own.
        Conflict: the short name is taken.
    """
    if slug in settings.RESERVED_PROJECTS:
        raise InvalidInput("project.slug_reserved", slug=slug, fields={"slug": ["reserved"]})
    project = Project(slug=slug, name=name, description=description)
    _validate(project)
    with transaction.atomic():
        _insert(project, "project.slug_taken", slug=slug)
        if actor.user_id is not None:
            Membership.objects.create(project=project, user_id=actor.user_id, role=Role.OWNER)
        audit.record(actor=actor, action="project.create", subject=project, project=project)
        for position, stage in enumerate(stage for stage in Environment.Stage if stage in stages):
            create_environment(
                actor=actor, project=project, slug=stage.value, name=str(stage.label), stage=stage, position=position
            )
    return project


def update_project(*, project: Project, actor: Actor, **changes: str) -> Project:
    """Change a project's name or description.

    Raises:
        InvalidInput: a field that does not fit or cannot be changed.
    """
    if unknown := set(changes) - {"name", "description"}:
        raise InvalidInput(fields={name: ["cannot be changed"] for name in unknown})
    _change(project, actor=actor, action="project.update", project=project, changes=changes)
    return project


def archive_project(*, project: Project, actor: Actor) -> None:
    """Hide a project that has no applications any more; its history stays.

    Raises:
        Conflict: it still has applications.
    """
    if count := project.applications.filter(archived_at=None).count():
        raise Conflict("project.in_use", name=project.name, count=count)
    with transaction.atomic():
        Project.objects.filter(pk=project.pk, archived_at=None).update(archived_at=timezone.now())
        audit.record(actor=actor, action="project.archive", subject=project, project=project)


def set_member(*, project: Project, username: str, role: str, actor: Actor) -> Membership:
    """Give a person a role in a project, or another role than before.

    Raises:
        InvalidInput: nobody has that name, or no such role.
        Conflict: it would leave the project without an owner.
    """
    if role not in set(Role):
        raise _refused("role", "member.role", known=", ".join(Role))
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise _refused("username", "member.unknown", username=username)
    with transaction.atomic():
        _lock(project)
        before = Membership.objects.filter(project=project, user=user).first()
        if before is not None and before.role == Role.OWNER and role != Role.OWNER:
            _require_other_owner(project, user)
        membership, _created = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
        audit.record(
            actor=actor,
            action="member.set",
            subject=membership,
            project=project,
            name=username,
            role=role,
            before=before.role if before else None,
        )
    return membership


def remove_member(*, project: Project, username: str, actor: Actor) -> None:
    """Take a person out of a project; doing it again changes nothing.

    Raises:
        Conflict: it would leave the project without an owner.
    """
    with transaction.atomic():
        _lock(project)
        membership = Membership.objects.filter(project=project, user__username=username).select_related("user").first()
        if membership is None:
            return
        if membership.role == Role.OWNER:
            _require_other_owner(project, membership.user)
        audit.record(
            actor=actor,
            action="member.remove",
            subject=membership,
            project=project,
            name=username,
            role=membership.role,
        )
        membership.delete()


def create_application(
    *,
    actor: Actor,
    project: Project,
    slug: str,
    name: str,
    language: str,
    gitlab: Connection,
    jenkins: Connection,
    harbor: Connection,
    repository_path: str,
    branch: str,
    description: str = "",
    build_on_push: bool = False,
    scan_gate: str = Application.ScanGate.HIGH,
) -> Application:
    """Create an application after looking its repository and branch up, and make sure its image project exists.

    Raises:
        InvalidInput: a field that does not fit; no such repository or branch.
        Conflict: the short name is taken.
        IntegrationError: GitLab or Harbor cannot be asked.
    """
    for connection, kind in ((gitlab, "gitlab"), (jenkins, "jenkins"), (harbor, "harbor")):
        if connection.kind != kind:
            raise _refused(kind, "application.connection_kind", kind=connection.Kind(kind).label)
    repository_id = _find_repository(gitlab, repository_path, branch)
    application = Application(
        project=project,
        slug=slug,
        name=name,
        description=description,
        language=language,
        gitlab=gitlab,
        jenkins=jenkins,
        harbor=harbor,
        repository_path=repository_path,
        repository_id=repository_id,
        branch=branch,
        build_on_push=build_on_push,
        scan_gate=scan_gate,
    )
    _validate(application)
    providers.harbor(connections.client_connection(harbor)).ensure_project(project.slug)
    with transaction.atomic():
        _insert(application, "application.slug_taken", slug=slug)
        audit.record(actor=actor, action="application.create", subject=application, project=project)
        emit("application.created", application, project_id=project.pk)
    return application


def update_application(*, application: Application, actor: Actor, **changes: Any) -> Application:
    """Change name, description, branch, build_on_push or scan_gate.

    Raises:
        InvalidInput: a field that does not fit, or no such branch.
    """
    known = {"name", "description", "branch", "build_on_push", "scan_gate"}
    if unknown := set(changes) - known:
        raise InvalidInput(fields={name: ["cannot be changed"] for name in unknown})
    if changes.get("branch", application.branch) != application.branch:
        _find_repository(application.gitlab, application.repository_path, changes["branch"])
    with transaction.atomic():
        _change(application, actor=actor, action="application.update", project=application.project, changes=changes)
        emit("application.updated", application, project_id=application.project_id)
    return application


def archive_application(*, application: Application, actor: Actor) -> None:
    """Hide an application; its history stays, and what runs keeps running."""
    with transaction.atomic():
        Application.objects.filter(pk=application.pk, archived_at=None).update(archived_at=timezone.now())
        audit.record(actor=actor, action="application.archive", subject=application, project=application.project)


def create_environment(
    *, actor: Actor, project: Project, slug: str, name: str, stage: str, position: int = 0, **policy: Any
) -> Environment:
    """Create an environment with its policy (see `Environment`).

    Raises:
        InvalidInput: a field that does not fit.
        Conflict: the short name is taken.
    """
    check_freeze_windows(policy.get("freeze_windows") or [])
    environment = Environment(project=project, slug=slug, name=name, stage=stage, position=position, **policy)
    _validate(environment)
    with transaction.atomic():
        _insert(environment, "environment.slug_taken", slug=slug)
        audit.record(actor=actor, action="environment.create", subject=environment, project=project, **policy)
    return environment


def update_environment(*, environment: Environment, actor: Actor, **changes: Any) -> Environment:
    """Change an environment's name, position or policy; running release orders keep the plan that was approved.

    Raises:
        InvalidInput: a field that does not fit.
    """
    check_freeze_windows(changes.get("freeze_windows") or [])
    _change(environment, actor=actor, action="environment.update", project=environment.project, changes=changes)
    return environment


def delete_environment(*, environment: Environment, actor: Actor) -> None:
    """Delete an environment that nothing was ever released to.

    Raises:
        Conflict: it has targets or history.
    """
    if environment.targets.exists():
        raise Conflict("environment.in_use", name=environment.name)
    try:
        with transaction.atomic():
            audit.record(actor=actor, action="environment.delete", subject=environment, project=environment.project)
            environment.delete()
    except ProtectedError as exc:
        raise Conflict("environment.in_use", name=environment.name) from exc


def add_target(
    *, environment: Environment, slug: str, cluster: Cluster, namespace: str, actor: Actor, position: int = 0
) -> Target:
    """Add a namespace of a cluster to an environment. It is put in place there by `preparation.prepare_target`.

    Raises:
        InvalidInput: a field that does not fit.
        Conflict: the namespace belongs to another environment, or the short name is taken.
    """
    target = Target(environment=environment, slug=slug, cluster=cluster, namespace=namespace, position=position)
    _validate(target)
    if namespace == "default" or namespace.startswith("kube-"):
        raise _refused("namespace", "target.namespace_reserved", namespace=namespace)
    if Target.objects.filter(environment=environment, slug=slug).exists():
        raise Conflict("target.slug_taken", slug=slug)
    with transaction.atomic():
        _insert(target, "target.namespace_taken", namespace=namespace, cluster=cluster.name)
        audit.record(
            actor=actor,
            action="target.add",
            subject=target,
            project=environment.project,
            cluster=cluster.slug,
            namespace=namespace,
        )
    return target


def remove_target(*, target: Target, actor: Actor) -> None:
    """Take a target out of its environment. What runs there keeps running; nothing on the cluster is deleted.

    Raises:
        Conflict: something was released to it: its history must stay.
    """
    try:
        with transaction.atomic():
            audit.record(actor=actor, action="target.remove", subject=target, project=target.environment.project)
            target.delete()
    except ProtectedError as exc:
        raise Conflict("environment.in_use", name=target.slug) from exc


def check_freeze_windows(windows: Sequence[Mapping[str, Any]]) -> None:
    """Raise InvalidInput unless each window is {"from": ISO time, "until": later ISO time, "reason": text}."""
    for index, window in enumerate(windows):
        try:
            begins, ends = datetime.fromisoformat(window["from"]), datetime.fromisoformat(window["until"])
            sound = begins.tzinfo is not None and ends.tzinfo is not None and begins < ends
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound or not str(window.get("reason", "")).strip():
            problem = messages.word("environment.freeze_window").message
            raise InvalidInput(fields={f"freeze_windows[{index}]": [problem]})


def _find_repository(gitlab: Connection, path: str, branch: str) -> int:
    client = providers.gitlab(connections.client_connection(gitlab))
    try:
        repository = client.get_repository(path)
    except Missing as exc:
        raise _refused("repository_path", "application.repository_missing", path=path) from exc
    try:
        client.get_branch(repository.id, branch)
    except Missing as exc:
        raise _refused("branch", "application.branch_missing", path=path, branch=branch) from exc
    return int(repository.id)


def _refused(field: str, code: str, **params: Any) -> InvalidInput:
    """Return the refusal of one field, in the words of its code."""
    return InvalidInput(code, fields={field: [messages.word(code, params).message]}, **params)


def _validate(row: models.Model) -> None:
    """Raise InvalidInput with the problems by field; uniqueness is left to the database, which cannot be raced."""
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as exc:
        raise InvalidInput(
            fields={name: [str(text) for text in texts] for name, texts in exc.message_dict.items()}
        ) from exc


def _insert(row: models.Model, taken: str, **params: Any) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as exc:
        raise Conflict(taken, **params) from exc


def _change(row: models.Model, *, actor: Actor, action: str, project: Project, changes: dict[str, Any]) -> None:
    before = {name: getattr(row, name) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    _validate(row)
    with transaction.atomic():
        row.save(update_fields=list(changes))
        different = {name: [before[name], changes[name]] for name in changes if before[name] != changes[name]}
        audit.record(actor=actor, action=action, subject=row, project=project, changes=different)


def _lock(project: Project) -> None:
    """Make changes of one project's members take turns."""
    Project.objects.select_for_update().get(pk=project.pk)


def _require_other_owner(project: Project, user: User) -> None:
    """Raise unless somebody else, who can sign in, owns the project, too."""
    others = Membership.objects.filter(project=project, role=Role.OWNER, user__is_active=True).exclude(user=user)
    if not others.exists():
        raise Conflict("member.last_owner")
