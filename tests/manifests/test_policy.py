from __future__ import annotations

from typing import Any

import pytest

from apps.manifests import policy
from apps.manifests.overrides import merge
from apps.manifests.policy import Release, Severity
from tests.manifests.documents import IMAGE
from tests.manifests.test_render import spec_of

GOOD: dict[str, Any] = {
    "ports": [{"name": "http", "port": 8080}],
    "probes": {"readiness": {"type": "http", "path": "/readyz"}},
}
PRODUCTION = Release(image=IMAGE, production=True)


def codes(change: dict[str, Any], release: Release = PRODUCTION) -> dict[str, str]:
    return {finding.path: finding.code for finding in policy.check(spec_of({**GOOD, **change}), release)}


def test_a_good_document_has_no_findings() -> None:
    assert codes({}) == {}


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"resources": {"limits": {"memory": None}}}, "resources.limits.memory", "memory_limit_required"),
        ({"resources": {"limits": {"cpu": None}}}, "resources.limits.cpu", "cpu_limit_advised"),
        ({"resources": {"requests": {"cpu": None}}}, "resources.requests.cpu", "requests_advised"),
        ({"probes": {}}, "probes.readiness", "readiness_by_port_only"),
        ({"probes": {"liveness": {"type": "command", "command": ["x"], "period": 1}}}, "probes.liveness.period", "probe_command_often"),
        ({"lifecycle": {"pre_stop_sleep": 0}}, "lifecycle.pre_stop_sleep", "pre_stop_sleep_advised"),
        ({"lifecycle": {"grace_period": 15}}, "lifecycle.grace_period", "grace_period_short"),
        ({"init_process": False}, "init_process", "init_process_advised"),
        ({"progress_deadline": 60}, "progress_deadline", "deadline_shorter_than_startup"),
        ({"replicas": 1}, "replicas", "replicas_in_production"),
        ({"autoscaling": {"min": 1, "max": 3, "cpu": 60}}, "autoscaling.min", "replicas_in_production"),
        ({"strategy": {"type": "Recreate"}}, "strategy.type", "recreate_in_production"),
        ({"strategy": {"max_unavailable": "25%"}}, "strategy.max_unavailable", "unavailable_in_production"),
        ({"ingress": {"host": "a.example"}}, "ingress.tls", "tls_advised"),
        ({"env": [{"name": "DB_PASSWORD", "value": "x"}]}, "env[0].value", "env_looks_secret"),
        ({"secrets": [{"name": "OLD"}]}, "secrets[0].name", "secret_unused"),
        ({"files": [{"path": "/app/config.json", "content": ""}]}, "files[0].path", "file_hides_directory"),
    ],
)  # fmt: skip
def test_a_rule_finds_what_it_is_for(change: dict[str, Any], path: str, code: str) -> None:
    assert codes(change).get(path) == code


def test_a_missing_probe_is_found_where_the_default_was_taken_out() -> None:
    document = {**GOOD, "probes": {"readiness": None, "liveness": None, "startup": None}}
    found = {finding.code for finding in policy.check(spec_of(document), PRODUCTION)}
    assert {"readiness_required", "liveness_advised"} <= found


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (IMAGE, set()),
        ("r.example/a/b:v1", {"image_digest_required"}),
        ("r.example:5000/a/b", {"image_digest_required", "image_latest_forbidden"}),
        ("r.example/a/b:latest", {"image_digest_required", "image_latest_forbidden"}),
        ("r.example/a/b@sha256:short", {"image_digest_required"}),
    ],
)
def test_only_a_digest_says_what_runs(image: str, expected: set[str]) -> None:
    findings = policy.check(spec_of(GOOD), Release(image=image))
    assert {finding.code for finding in findings if finding.severity == Severity.BLOCK} == expected


def test_rules_for_production_are_quiet_elsewhere() -> None:
    assert codes({"replicas": 1, "strategy": {"type": "Recreate"}}, Release(image=IMAGE)) == {}


def test_what_blocks_comes_first() -> None:
    document = merge(GOOD, {"replicas": 1, "init_process": False})
    findings = policy.check(spec_of(document), Release(image="a:latest", production=True))
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities)
    assert severities[0] == Severity.BLOCK


@pytest.mark.parametrize("name", ["TOKENIZER", "PASSWORDLESS", "KEYBOARD", "SECRETARY"])
def test_ordinary_words_are_no_secrets(name: str) -> None:
    assert codes({"env": [{"name": name, "value": "x"}]}) == {}
