"""Kill a process at every point of its steps, one point after the other, and let another one go on.

A point is a request to a cluster (just after its answer came) or a write to the database (just before it is made). Each
dies once, the first time it is reached; who comes next passes it and dies at the next one. A point is told by where the
deployment was when the step began, and by how many requests or writes of the same form the step had made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection

from apps.deployments import services
from apps.deployments.models import Deployment
from apps.integrations.kubernetes.transport import RawAnswer, Transport

MOST_DEATHS = 200
_WRITES = ("INSERT", "UPDATE", "DELETE")
# What works is dead: nothing of it runs any more, so it takes no lease and frees none.
_LEASE = re.compile(r'SET "leased_until" = ')


class Killed(BaseException):
    """The process is gone; nothing catches this."""


@dataclass
class Kills:
    """The points that were died at, in their order."""

    points: list[str] = field(default_factory=list)
    _step: str = ""  # empty while the test itself is at work
    _made: Counter[str] = field(default_factory=Counter)

    def at(self, form: str) -> None:
        """Die, unless this point was died at before.

        Raises:
            Killed: it was not.
        """
        if not self._step:
            return
        self._made[form] += 1
        point = f"{self._step}: {form} ({self._made[form]})"
        if point not in self.points:
            self.points.append(point)
            raise Killed

    def drive(self, deployment: Deployment, *, until: str = "") -> Deployment:
        """Run the steps of a deployment to its end, or to a status; one that is killed is taken up by another process."""
        while not deployment.is_final and deployment.status != until:
            # The lease of a dead process is not freed but expires; here time passes quickly.
            Deployment.objects.filter(pk=deployment.pk).update(next_step_at=None, leased_until=None)
            self._step, self._made = f"{deployment.status} {deployment.applied_objects}", Counter()
            try:
                services.advance_deployment(deployment.pk)
            except Killed:
                assert len(self.points) < MOST_DEATHS, f"it dies at ever new points: {self.points[-5:]}"
            finally:
                self._step = ""
            deployment.refresh_from_db()
        return deployment


@contextmanager
def after_each_request(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kills]:
    """Die after each distinct request to a cluster, before anybody learned its answer."""
    kills, whole = Kills(), Transport.request

    def dying(self: Transport, method: str, path: str, **options: Any) -> RawAnswer:
        answer = whole(self, method, path, **options)
        kills.at(f"{method} {path}")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "request", dying)
        yield kills


@contextmanager
def before_each_write() -> Iterator[Kills]:
    """Die before each distinct write to the database, in the middle of its transaction where it has one."""
    kills = Kills()

    def dying(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(_WRITES) and not _LEASE.search(sql):
            kills.at(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(dying):
        yield kills
