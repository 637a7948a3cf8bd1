"""When an application's rollouts are given up before their deadline: the platform's defaults, and what it sets itself.

Stored are only the differences from the defaults, so that a better default reaches everybody who did not choose. A
deployment writes the rules down when it starts; a later change does not alter it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit import services as audit
from apps.core.actors import Actor
from apps.core.errors import InvalidInput
from apps.integrations.kubernetes.abort_rules import GROUPS, AbortRules

from .models import Application

_PLATFORM = AbortRules()
DEFAULTS: Final[Mapping[str, Any]] = {
    "restarts": _PLATFORM.restarts,
    "image_seconds": _PLATFORM.image_seconds,
    "configuration_seconds": _PLATFORM.configuration_seconds,
    "steady_seconds": _PLATFORM.steady_seconds,
    "progress_seconds": None,  # as long as the DeployYml gives the cluster
    "at_once": sorted(_PLATFORM.at_once),
}
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "restarts": (1, 100),
    "image_seconds": (0, 3600),
    "configuration_seconds": (0, 3600),
    "steady_seconds": (0, 300),
    "progress_seconds": (10, 86_400),
}
GROUP_NAMES: Final[Mapping[str, Any]] = {
    "image": _("An image that is missing or may not be pulled"),
    "configuration": _("A ConfigMap, Secret, key or account that is missing"),
    "policy": _("A policy, limit range or webhook that refuses the pods"),
    "quota": _("A quota that is used up"),
    "scheduling": _("No node that can take the pods"),
}


def effective_rules(application: Application) -> dict[str, Any]:
    """Return the rules that a rollout of the application starts with."""
    return {**DEFAULTS, **application.rollout_rules}


def change_rollout_rules(*, application: Application, actor: Actor, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Set the rules that differ from the platform's; a rule that is left out or None is the platform's again.

    Raises:
        InvalidInput: a rule that there is not, or a value that does not fit.
    """
    chosen = {name: value for name, value in rules.items() if value is not None}
    _check(chosen)
    if "at_once" in chosen:
        chosen["at_once"] = sorted(set(chosen["at_once"]))
    own = {name: value for name, value in chosen.items() if value != DEFAULTS[name]}
    with transaction.atomic():
        locked = Application.objects.select_for_update().get(pk=application.pk)
        before = locked.rollout_rules
        if own != before:
            Application.objects.filter(pk=application.pk).update(rollout_rules=own)
            audit.record(
                actor=actor,
                action="application.rollout_rules",
                subject=application,
                project=application.project,
                before=before,
                after=own,
            )
    application.rollout_rules = own
    return effective_rules(application)


def _check(chosen: Mapping[str, Any]) -> None:
    faults: dict[str, list[str]] = {}
    for name, value in chosen.items():
        if name == "at_once":
            if not isinstance(value, list) or set(value) - set(GROUPS):
                faults[name] = [str(_("Only these: %(groups)s.") % {"groups": ", ".join(GROUPS)})]
        elif name not in BOUNDS:
            faults[name] = [str(_("There is no such rule."))]
        else:
            least, most = BOUNDS[name]
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                faults[name] = [str(_("A number from %(least)s to %(most)s.") % {"least": least, "most": most})]
    if faults:
        raise InvalidInput(fields=faults)
