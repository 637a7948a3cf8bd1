"""What the platform asks beyond what Kubernetes accepts: learned in a year of running, each rule one small function.

A finding that blocks keeps a plan from being submitted; a warning is shown and may be ignored. Rules read the `Spec`
and what is released where; they know no models.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from apps.manifests.defaults import GRACE_AFTER_SIGNAL
from apps.manifests.spec import ProbeType, Spec, StrategyType

_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_SECRET_WORDS = re.compile(r"(?i)(?:^|_)(?:password|passwd|pwd|secret|token|api_?key|private_?key|credentials?)(?:$|_)")
_LEAST_COMMAND_PERIOD = 5
# Where images usually keep the program itself.
_PROGRAM_DIRECTORIES = frozenset({"/app", "/code", "/data", "/workspace", "/usr/src/app", "/usr/share/nginx/html"})


class Severity(StrEnum):
    """What a finding does to a plan."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the platform minds: a code with parameters, at the field that would change it."""

    path: str
    code: str
    severity: Severity
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is released where, as far as the rules care; no image while only the form is being edited."""

    image: str | None = None
    production: bool = False


Findings = Iterator[Finding]


def _block(path: str, code: str, **params: object) -> Finding:
    return Finding(path, code, Severity.BLOCK, params)


def _warn(path: str, code: str, **params: object) -> Finding:
    return Finding(path, code, Severity.WARN, params)


def check_resources(spec: Spec) -> Findings:
    """Every service has limits: a leak must end its pod, not its node."""
    resources = spec.resources
    if not resources.limits.memory:
        yield _block("resources.limits.memory", "memory_limit_required")
    if not resources.limits.cpu:
        yield _warn("resources.limits.cpu", "cpu_limit_advised")
    for name in ("cpu", "memory"):
        if not getattr(resources.requests, name):
            yield _warn(f"resources.requests.{name}", "requests_advised", resource=name)


def check_image(release: Release) -> Findings:
    """What was approved is what runs: only a digest says what that is."""
    if release.image is None or _DIGEST.fullmatch(release.image):
        return
    name = release.image.rpartition("/")[2]
    if ":" not in name or name.endswith(":latest"):
        yield _block("image", "image_latest_forbidden")
    yield _block("image", "image_digest_required")


def check_probes(spec: Spec) -> Findings:
    """A smooth upgrade needs a readiness probe; a hanging program needs a liveness probe; commands must be cheap."""
    if spec.service.enabled:
        readiness = spec.probes.readiness
        if readiness is None:
            yield _warn("probes.readiness", "readiness_required")
        elif readiness.type == ProbeType.TCP:
            yield _warn("probes.readiness", "readiness_by_port_only")
        if spec.probes.liveness is None:
            yield _warn("probes.liveness", "liveness_advised")
    for name in ("readiness", "liveness", "startup"):
        probe = getattr(spec.probes, name)
        if probe is not None and probe.type == ProbeType.COMMAND and probe.period < _LEAST_COMMAND_PERIOD:
            yield _warn(f"probes.{name}.period", "probe_command_often", period=probe.period)


def check_ending(spec: Spec) -> Findings:
    """Traffic moves away before the signal, and requests finish after it; zombies are collected."""
    lifecycle = spec.lifecycle
    if spec.service.enabled and lifecycle.pre_stop_sleep == 0:
        yield _warn("lifecycle.pre_stop_sleep", "pre_stop_sleep_advised")
    left = lifecycle.grace_period - lifecycle.pre_stop_sleep
    if left < GRACE_AFTER_SIGNAL:
        yield _warn("lifecycle.grace_period", "grace_period_short", left=left, advised=GRACE_AFTER_SIGNAL)
    if not spec.init_process:
        yield _warn("init_process", "init_process_advised")


def check_rollout(spec: Spec) -> Findings:
    """A rollout must not give up before a slow start may end."""
    startup = spec.probes.startup
    if startup is not None:
        needed = startup.initial_delay + startup.period * startup.failure_threshold
        if spec.progress_deadline <= needed:
            yield _warn(
                "progress_deadline",
                "deadline_shorter_than_startup",
                deadline=spec.progress_deadline,
                startup=needed,
            )


def check_production(spec: Spec, release: Release) -> Findings:
    """In production one pod is none, and an update is not an outage."""
    if not release.production:
        return
    if spec.autoscaling is not None:
        if spec.autoscaling.min < 2:
            yield _warn("autoscaling.min", "replicas_in_production")
    elif spec.replicas < 2:
        yield _warn("replicas", "replicas_in_production")
    if spec.strategy.type == StrategyType.RECREATE:
        yield _warn("strategy.type", "recreate_in_production")
    elif spec.strategy.max_unavailable not in (0, "0%"):
        yield _warn("strategy.max_unavailable", "unavailable_in_production")
    if spec.ingress is not None and not spec.ingress.tls:
        yield _warn("ingress.tls", "tls_advised")


def check_secrets(spec: Spec) -> Findings:
    """Secrets belong where they are encrypted, and each has a use."""
    for index, variable in enumerate(spec.env):
        if variable.value and _SECRET_WORDS.search(variable.name):
            yield _warn(f"env[{index}].value", "env_looks_secret", name=variable.name)
    used = set(spec.referenced_secrets())
    for index, secret in enumerate(spec.secrets):
        if secret.name not in used:
            yield _warn(f"secrets[{index}].name", "secret_unused", name=secret.name)


def check_files(spec: Spec) -> Findings:
    """A mounted directory hides what the image has there."""
    for index, file in enumerate(spec.files):
        directory = str(PurePosixPath(file.path).parent)
        if directory in _PROGRAM_DIRECTORIES:
            yield _warn(f"files[{index}].path", "file_hides_directory", directory=directory)


FORM_RULES: Sequence[Callable[[Spec], Findings]] = (
    check_resources,
    check_probes,
    check_ending,
    check_rollout,
    check_secrets,
    check_files,
)


def check(spec: Spec, release: Release) -> list[Finding]:
    """Return every finding, blocking ones first."""
    findings = [finding for rule in FORM_RULES for finding in rule(spec)]
    findings += [*check_image(release), *check_production(spec, release)]
    return sorted(findings, key=lambda finding: finding.severity != Severity.BLOCK)
