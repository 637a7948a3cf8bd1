"""What the fields of a `Spec` must be together: each check reads one rule and yields errors at the field to change."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from apps.integrations.kubernetes import quantity
from apps.manifests.fields import FieldError, join
from apps.manifests.spec import Probe, ProbeType, Spec, StrategyType

# Kubernetes' own limit for one ConfigMap or Secret.
LARGEST_FILES = 1_048_576
# A volume hides what the image has at its place, and these hold what every program needs.
_SYSTEM_DIRECTORIES = frozenset(  # names of directories in a container, none of this machine
    (
        "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/proc", "/root",
        "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local",  # noqa: S108
        "/usr/local/bin",
        "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/log", "/var/run", "/etc/ssl", "/etc/ssl/certs",
    )
)  # fmt: skip

Errors = Iterator[FieldError]


def _duplicates(path: str, key: str, values: Iterable[object]) -> Errors:
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield FieldError(join(join(path, index), key), "duplicate", {"value": value})
        seen.add(value)


def check_names(spec: Spec) -> Errors:
    """Yield what is named twice."""
    yield from _duplicates("ports", "name", (port.name for port in spec.ports))
    yield from _duplicates("ports", "port", (f"{port.port}/{port.protocol}" for port in spec.ports))
    if spec.service.enabled:
        published = (f"{port.service_port or port.port}/{port.protocol}" for port in spec.ports)
        repeated = list(_duplicates("ports", "service_port", published))
        # Two equal container ports are already reported.
        yield from (error for error in repeated if spec.ports[_index(error.path)].service_port is not None)
    yield from _duplicates("env", "name", (variable.name for variable in spec.env))
    yield from _duplicates("secrets", "name", (secret.name for secret in spec.secrets))
    yield from _duplicates("files", "path", (file.path for file in spec.files))


def _index(path: str) -> int:
    return int(path.partition("[")[2].partition("]")[0])


def check_secrets(spec: Spec) -> Errors:
    """Yield uses of secret values that are not declared."""
    declared = {secret.name for secret in spec.secrets}
    uses = [(join(join("env", index), "secret"), variable.secret) for index, variable in enumerate(spec.env)]
    uses += [(join(join("files", index), "secret"), file.secret) for index, file in enumerate(spec.files)]
    for path, key in uses:
        if key is not None and key not in declared:
            yield FieldError(path, "secret_not_declared", {"value": key})


def check_resources(spec: Spec) -> Errors:
    """Yield requests above their limits."""
    for name in ("cpu", "memory"):
        request, limit = getattr(spec.resources.requests, name), getattr(spec.resources.limits, name)
        if request and limit and quantity.compare(request, limit) > 0:
            yield FieldError(f"resources.requests.{name}", "request_above_limit", {"request": request, "limit": limit})


def check_probes(spec: Spec) -> Errors:
    """Yield probes that ask a port that does not exist or a command that is empty."""
    for name in ("readiness", "liveness", "startup"):
        probe: Probe | None = getattr(spec.probes, name)
        if probe is None:
            continue
        path = f"probes.{name}"
        if probe.type == ProbeType.COMMAND:
            if not probe.command:
                yield FieldError(f"{path}.command", "probe_without_command")
        else:
            yield from _port_errors(spec, f"{path}.port", probe.port)
        # https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
        if name != "readiness" and probe.success_threshold != 1:
            yield FieldError(f"{path}.success_threshold", "only_once")


def _port_errors(spec: Spec, path: str, name: str | None) -> Errors:
    tcp = [port.name for port in spec.ports if port.protocol == "TCP"]
    if not spec.ports:
        yield FieldError(path, "no_ports")
    elif name is not None and name not in {port.name for port in spec.ports}:
        yield FieldError(path, "no_such_port", {"value": name})
    elif not tcp or (name is not None and name not in tcp):
        yield FieldError(path, "no_tcp_port")


def check_lifecycle(spec: Spec) -> Errors:
    """Yield times that leave the program no chance to end."""
    sleep, grace = spec.lifecycle.pre_stop_sleep, spec.lifecycle.grace_period
    if grace <= sleep:
        yield FieldError("lifecycle.grace_period", "grace_period_too_short", {"grace": grace, "sleep": sleep})


def check_strategy(spec: Spec) -> Errors:
    """Yield a rollout that could never begin."""
    rolling = spec.strategy.type == StrategyType.ROLLING_UPDATE
    if rolling and {spec.strategy.max_surge, spec.strategy.max_unavailable} <= {0, "0%"}:
        yield FieldError("strategy.max_surge", "no_progress")


def check_autoscaling(spec: Spec) -> Errors:
    """Yield bounds in the wrong order and a missing CPU request."""
    scaling = spec.autoscaling
    if scaling is None:
        return
    if scaling.min > scaling.max:
        yield FieldError("autoscaling.min", "minimum_above_maximum", {"min": scaling.min, "max": scaling.max})
    # With a limit and no request the server takes the limit as the request.
    if not (spec.resources.requests.cpu or spec.resources.limits.cpu):
        yield FieldError("resources.requests.cpu", "autoscaling_needs_cpu_request")


def check_files(spec: Spec) -> Errors:
    """Yield files in directories that must not be hidden, and more text than one object can hold."""
    directories = {str(parent) for file in spec.files for parent in PurePosixPath(file.path).parents}
    for index, file in enumerate(spec.files):
        directory = str(PurePosixPath(file.path).parent)
        if directory in _SYSTEM_DIRECTORIES:
            yield FieldError(f"files[{index}].path", "directory_reserved", {"directory": directory})
        elif spec.log_directory is not None and _nested(directory, spec.log_directory):
            yield FieldError(f"files[{index}].path", "directory_taken", {"directory": spec.log_directory})
        if file.path in directories:
            yield FieldError(f"files[{index}].path", "file_is_directory", {"value": file.path})
    if spec.log_directory in _SYSTEM_DIRECTORIES - {"/var/log"}:
        yield FieldError("log_directory", "directory_reserved", {"directory": spec.log_directory})
    size = sum(len((file.content or "").encode()) for file in spec.files)
    if size > LARGEST_FILES:
        yield FieldError("files", "files_too_large", {"size": size})


def _nested(left: str, right: str) -> bool:
    first, second = PurePosixPath(left), PurePosixPath(right)
    return first == second or first in second.parents or second in first.parents


def check_network(spec: Spec) -> Errors:
    """Yield a Service without ports and an Ingress without a Service."""
    if spec.service.enabled and not spec.ports:
        yield FieldError("service.enabled", "service_needs_ports")
    if spec.ingress is not None:
        if not spec.service.enabled:
            yield FieldError("ingress", "ingress_needs_service")
        else:
            yield from _port_errors(spec, "ingress.port", spec.ingress.port)


CHECKS: Sequence[Callable[[Spec], Errors]] = (
    check_names,
    check_secrets,
    check_resources,
    check_probes,
    check_lifecycle,
    check_strategy,
    check_autoscaling,
    check_files,
    check_network,
)


def check(spec: Spec) -> list[FieldError]:
    """Return every error between the fields of `spec`."""
    return [error for rule in CHECKS for error in rule(spec)]
