"""One application on one target, as the matrix shows it: version, whether it is well, and the next sensible action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from apps.applications.models import Application, Environment, Target
from apps.builds.models import Build
from apps.core import messages
from apps.deployments import presentation as deployment_words
from apps.deployments.models import Deployment
from apps.deployments.selectors import Cell as DeploymentCell
from apps.workloads.selectors import TargetState


@dataclass(frozen=True)
class NextAction:
    """A link to what one would do next."""

    label: str
    url: str
    icon: str


@dataclass
class CellView:
    """What `components/matrix_cell.html` takes, and where it stands."""

    target: Target
    url: str = ""
    version: str = ""
    sha: str = ""
    status: str = ""
    status_label: str = ""
    ready: int = 0
    wanted: int = 0
    at: datetime | None = None
    cause: str = ""
    action: NextAction | None = None
    topics: list[str] = field(default_factory=list)
    build_number: int | None = None
    deployment_number: int | None = None
    drift_url: str = ""  # where one sees what differs from what was deployed; empty where nothing does

    @property
    def place(self) -> dict[str, str]:
        """Return the parts of URLs that name the target."""
        return {"environment": self.target.environment.slug, "target": self.target.slug}


def version_of(deployment: Deployment) -> str:
    """Return what people call a version: its tag, else its build."""
    build = deployment.build
    if build is None:
        return f"#{deployment.number}"
    return build.ref if build.ref_kind == "tag" else _("build {number}").format(number=build.number)


def view(
    application: Application,
    cell: DeploymentCell,
    *,
    state: TargetState | None = None,
    newest: Build | None = None,
    may_release: bool = False,
) -> CellView:
    """Return the view of a cell; with `state` it says what the cluster says now, without it what was last known."""
    made = CellView(cell.target)
    shown = None if cell.is_removed else cell.live or cell.active or cell.last
    if shown is not None:
        made.url = shown.get_absolute_url()
        made.version, made.at = version_of(shown), shown.finished_at or shown.created_at
        made.sha = shown.build.commit_sha if shown.build else ""
        made.status, made.status_label = shown.status, str(shown.get_status_display())
        counted = cell.counted or shown
        made.ready, made.wanted = counted.ready, counted.wanted
        made.build_number = shown.build.number if shown.build else None
        made.deployment_number = shown.number
    if cell.drifted and cell.active is None:
        made.drift_url = f"{application.get_absolute_url()}drift/"
    _show_doings(made, cell)
    if state is not None and shown is not None:
        _show_state(made, cell, state)
    if made.status == "succeeded":
        made.status, made.status_label = "ready", _("Running")
    made.action = _next_action(application, cell, newest, may_release=may_release)
    return made


def _show_doings(made: CellView, cell: DeploymentCell) -> None:
    """Let what goes on, or what went wrong last, say how it is; the version stays the one that serves."""
    telling = cell.active or cell.trouble
    if telling is None:
        if cell.live is not None and (later := deployment_words.afterwards(cell.live)):
            made.cause = _("Ran badly afterwards: {what}").format(what=later["message"])
        return
    words = deployment_words.cause(telling)
    made.url, made.status, made.status_label = telling.get_absolute_url(), telling.status, telling.get_status_display()
    made.cause = words["message"] if words else ""
    if telling is cell.active:
        made.ready, made.wanted = telling.ready, telling.wanted
    if cell.live is not None and cell.live.pk != telling.pk:
        note = _note(telling, going=telling is cell.active)
        made.cause = " ".join(filter(None, [note.format(version=version_of(telling)) + ".", made.cause]))


def _note(telling: Deployment, *, going: bool) -> str:
    """Return what is said beside the version that serves while another comes, or something is done with this one."""
    if telling.brings_version:
        return _("{version} is going there") if going else _("{version} did not make it")
    return str(telling.get_kind_display()) if going else f"{telling.get_kind_display()}: {telling.get_status_display()}"


def _show_state(made: CellView, cell: DeploymentCell, state: TargetState) -> None:
    """Take over what the cluster says now."""
    if state.error is not None:
        made.status, made.status_label = "unreachable", _("Cluster away")
        made.cause = messages.word(state.error.code, state.error.params).message
        return
    made.ready, made.wanted = state.ready, state.wanted
    if cell.active is None and cell.trouble is None and state.ready < state.wanted:
        worst = next((pod.cause for pod in state.pods if pod.cause is not None and not pod.ready), None)
        made.status, made.status_label = "degraded", _("Not all ready")
        made.cause = messages.word(worst.code, worst.params).message if worst else ""


def _next_action(
    application: Application, cell: DeploymentCell, newest: Build | None, *, may_release: bool
) -> NextAction | None:
    if cell.active is not None:
        return NextAction(_("Follow"), cell.active.get_absolute_url(), "activity")
    if cell.trouble is not None:
        return NextAction(_("See why"), cell.trouble.get_absolute_url(), "search")
    if newest is None or not may_release:
        return None
    if cell.live is not None and (cell.live.build is None or cell.live.build.number >= newest.number):
        return None
    query = urlencode({"environment": cell.target.environment.slug, "build": newest.number})
    label = _("Release build {number}").format(number=newest.number)
    return NextAction(label, f"{application.get_absolute_url()}releases/new/?{query}", "rocket")


@dataclass(frozen=True)
class Row:
    """One environment of the matrix; a column without a cell is a target that it does not have."""

    environment: Environment
    cells: Sequence[CellView | None]


def rows(environments: Sequence[Environment], cells: Sequence[CellView]) -> tuple[list[str], list[Row]]:
    """Return the names of the columns and the rows: targets of the same name stand below each other."""
    columns = list(dict.fromkeys(target.slug for environment in environments for target in environment.targets.all()))
    by_place = {(cell.target.environment_id, cell.target.slug): cell for cell in cells}
    return columns, [
        Row(environment, [by_place.get((environment.pk, column)) for column in columns])
        for environment in environments
        if environment.targets.all()
    ]


def as_api(made: CellView) -> dict[str, Any]:
    """Return a cell as the API shows it."""
    return {
        **made.place,
        "cluster": made.target.cluster.slug,
        "namespace": made.target.namespace,
        "version": made.version,
        "build": made.build_number,
        "deployment": made.deployment_number,
        "commit_sha": made.sha,
        "status": made.status,
        "ready": made.ready,
        "wanted": made.wanted,
        "since": made.at,
        "cause": made.cause,
        "drifted": bool(made.drift_url),
        "maintenance": made.target.cluster.maintenance_reason,
        "url": made.url,
    }
