"""Many deployments at once: made, applied alone for comparison, and brought to success by Celery's workers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from celery import current_app
from django.db import connection
from django.utils import timezone

from apps.clusters import services as clusters
from apps.clusters.models import Cluster
from apps.core.actors import Actor
from apps.deployments import services
from apps.deployments.models import ACTIVE, Deployment, Status
from apps.manifests import services as manifests
from apps.workloads.reading import client_for
from tests import factories
from tests.sandbox_process import ROOT, Sandbox

from .hollow import LABEL
from .worker import NOTES

WORKERS = 2
READY_SECONDS = 2.0
START_SECONDS = 60
END_SECONDS = 900.0
REDIS_DATABASE = 14  # pytest's own workers have 0 to 8
IMAGE = "registry.example/bench/app@sha256:" + "ab" * 32
DOCUMENT = {
    "replicas": 2,
    "ports": [{"name": "http", "port": 8080}],
    "files": [{"path": "/etc/bench/a", "content": "a"}],
    "ingress": {"host": "bench.example"},
    "node_selector": {LABEL: "yes"},
}


@dataclass(frozen=True)
class Outcome:
    """What a run took, in seconds, and what it asked of the clusters."""

    deployments: int
    applying: float
    total: float
    steps: list[float]
    requests: Counter[str]

    @property
    def ratio(self) -> float:
        """Return how much longer all of it took than applying alone."""
        return self.total / self.applying

    def __str__(self) -> str:
        each = self.deployments
        asked = ", ".join(f"{count / each:.1f} {form}" for form, count in self.requests.most_common())
        return (
            f"{each} deployments, {WORKERS} workers: applying alone {self.applying:.1f} s, all {self.total:.1f} s, "
            f"ratio {self.ratio:.2f}\n"
            f"{len(self.steps) / each:.1f} steps each, the longest {max(self.steps):.2f} s, "
            f"together {sum(self.steps):.1f} s\nrequests each: {asked}"
        )


@dataclass
class Bench:
    """A sandbox of several clusters with hollow nodes, and processes that share this test's database."""

    sandbox: Sandbox
    folder: Path
    clusters: list[Cluster]
    actor: Actor

    def requested(self, count: int) -> list[Deployment]:
        """Return that many new deployments, spread over all clusters, which nobody has begun with."""
        project = factories.project()
        environment = factories.environment(project)
        targets = [
            factories.target(
                environment, cluster, namespace=f"{project.slug}-{cluster.slug}", prepared_at=timezone.now()
            )
            for cluster in self.clusters
        ]
        for target in targets:
            client_for(target).ensure_namespace(target.namespace)
        made: list[Deployment] = []
        while len(made) < count:
            application = factories.application(project)
            revision = manifests.save_revision(
                application=application, base=DOCUMENT, overrides={}, note="", actor=self.actor, expected_number=None
            )
            for target in targets[: count - len(made)]:
                stored = manifests.render_for_target(
                    application=application, target=target, revision=revision, image=IMAGE
                )
                made.append(
                    services.request_deployment(
                        application=application, target=target, manifest_set=stored, actor=self.actor
                    )
                )
        return made

    def apply_alone(self, deployments: Sequence[Deployment]) -> float:
        """Return the seconds that as many processes as there are workers need to apply them, and stop them there."""
        ids = [str(deployment.pk) for deployment in deployments]
        command = [sys.executable, "-m", "tests.bench.applying"]
        shares = [ids[number::WORKERS] for number in range(WORKERS)]
        processes = [
            subprocess.Popen([*command, *share], cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE)
            for share in shares
        ]
        times = [process.communicate()[0].split() for process in processes]
        ours = Deployment.objects.filter(pk__in=[deployment.pk for deployment in deployments])
        assert ours.filter(status=Status.PROGRESSING).count() == len(ids)
        ours.update(status=Status.CANCELED, next_step_at=None)
        return max(float(end) for _, end in times) - min(float(begin) for begin, _ in times)

    def bring_out(self, deployments: Sequence[Deployment], applying: float) -> Outcome:
        """Have Celery's workers bring them to success, and return what it took."""
        variables = self._environment()
        with redis.Redis.from_url(variables["REDIS_URL"]) as store:
            store.flushdb()
        since, log = self.sandbox.journal_end(), self.folder / "worker.log"
        notes = self.folder / "steps"
        command = [
            sys.executable, "-m", "celery", "-A", "tests.bench.worker", "worker", "--loglevel", "INFO", "-Q", "apply",
            "-c", str(WORKERS), "--without-gossip", "--without-mingle",
        ]  # fmt: skip
        waiting = Deployment.objects.filter(pk__in=[deployment.pk for deployment in deployments], status__in=ACTIVE)
        with self._process(command, log, **{NOTES: str(notes)}):
            _wait(lambda: b" ready." in log.read_bytes(), START_SECONDS, "the workers are ready")
            began = time.monotonic()
            with current_app.connection_for_write(variables["REDIS_URL"]) as broker:
                for deployment in deployments:
                    current_app.send_task(Deployment.ADVANCE, args=[deployment.pk], queue="apply", connection=broker)
            _wait(lambda: not waiting.exists(), END_SECONDS, "all have ended")
            total = time.monotonic() - began
        steps = [float(seconds) for seconds in notes.read_text().split()]
        return Outcome(len(deployments), applying, total, steps, self._requests(since))

    def hollow_nodes(self) -> contextlib.AbstractContextManager[None]:
        """Have hollow nodes on all clusters."""
        kubeconfigs = [found["kubeconfig"] for found in self.sandbox.endpoints["clusters"].values()]
        command = [sys.executable, "-m", "tests.bench.hollow", str(READY_SECONDS), *kubeconfigs]
        return self._process(command, self.folder / "hollow.log")

    @contextlib.contextmanager
    def _process(self, command: list[str], log: Path, **variables: str) -> Iterator[None]:
        with log.open("wb") as output:
            started = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment() | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield
        finally:
            started.terminate()
            try:
                started.wait(timeout=20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()

    def _environment(self) -> dict[str, str]:
        database = urlsplit(os.environ["DATABASE_URL"])
        base, _, _ = os.environ["REDIS_URL"].rpartition("/")
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "paas.settings",
            "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
            "REDIS_URL": f"{base}/{REDIS_DATABASE}",
            "SLIPWAY_CA_FILE": self.sandbox.ca_file,
            "PYTHONUNBUFFERED": "1",
        }

    def _requests(self, since: int) -> Counter[str]:
        found: Counter[str] = Counter()
        for name in self.sandbox.endpoints["clusters"]:
            for entry in self.sandbox.journal(name, since):
                if entry.get("fieldManager") != "hollow":
                    found[f"{entry['method']} {entry.get('resource') or _collection(entry['path'])}"] += 1
        return found


def make(sandbox: Sandbox, folder: Path) -> Bench:
    """Return a bench on all clusters of a sandbox."""
    actor = factories.actor(factories.user(is_superuser=True))
    made = [
        clusters.add_cluster(
            actor=actor,
            slug=factories.unique(name),
            name=name,
            kubeconfig=Path(found["kubeconfig"]).read_text(),
        )
        for name, found in sandbox.endpoints["clusters"].items()
    ]
    return Bench(sandbox, folder, made, actor)


def results(deployments: Sequence[Deployment]) -> Counter[str]:
    """Return how the deployments ended."""
    ids = [deployment.pk for deployment in deployments]
    return Counter(Deployment.objects.filter(pk__in=ids).values_list("status", flat=True))


def _collection(path: str) -> str:
    """Return which collection or object a path is about, without names."""
    parts = path.partition("?")[0].strip("/").split("/")
    return parts[parts.index("namespaces") + 2] if "namespaces" in parts and len(parts) > 5 else parts[-1]


def _wait(reached: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.1)
