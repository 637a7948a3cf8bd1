"""Ask clusters whether they would take a plan, changing nothing: server-side apply with `dryRun=All`.

https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run. Clusters are asked side by side, so that a slow one
costs its own time-out once and not the sum of all. No database is used in here: it runs in threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Missing, Rejected
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.redaction import Redactor

SIDE_BY_SIDE = 8


@dataclass(frozen=True, repr=False)
class Question:
    """One target's objects, with secret values bound: it is never printed, stored or sent on."""

    key: int
    connection: ClusterConnection
    namespace: str
    objects: Sequence[dict[str, Any]]
    redactor: Redactor
    take_over: bool = False  # what was adopted: others own it until the release that is asked about


@dataclass(frozen=True)
class Problem:
    """Why a cluster would not take it, or cannot be asked."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


def ask(questions: Sequence[Question]) -> dict[int, Problem | None]:
    """Return for each question, by its key, the first problem, or None where the cluster would take everything."""
    if not questions:
        return {}
    with ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(questions))) as pool:
        answers = list(pool.map(_ask, questions))
    return {question.key: answer for question, answer in zip(questions, answers, strict=True)}


def _ask(question: Question) -> Problem | None:
    client = providers.kubernetes(question.connection)
    for manifest in apply_order(question.objects):
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        try:
            if question.take_over:
                client.apply(manifest, force=True, dry_run=True)
            else:
                client.apply_over_own(manifest, dry_run=True)
        except ApplyConflict as exc:
            managers = ", ".join(sorted({conflict.manager for conflict in exc.conflicts}))
            return Problem("apply.conflict", {"object": name, "managers": managers})
        except Missing:
            return Problem("apply.namespace_missing", {"object": name, "namespace": question.namespace})
        except Rejected as exc:
            return Problem("apply.rejected", {"object": name, "message": question.redactor(exc.message)})
        except IntegrationError as exc:
            params = {"cluster": question.connection.name, "message": question.redactor(exc.message)}
            return Problem("gate.cluster_unreachable", params)
    return None
