"""Clients are built in one place, kept while nothing changes, and never shared with a forked child."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from apps.integrations import providers
from apps.integrations.connection import ClusterConnection, Connection

GITLAB = Connection("gitlab", "main", "https://gitlab.example", secret="a-token")
CLUSTER = ClusterConnection("north", "https://k8s.example", token="a-token")


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    providers.close_all()
    yield
    providers.close_all()


@pytest.mark.parametrize("name", ["gitlab", "jenkins", "harbor", "registry", "prometheus"])
def test_a_client_is_kept_until_its_connection_changes(name: str) -> None:
    provide: Callable[[Connection], Any] = getattr(providers, name)
    client = provide(GITLAB)
    assert provide(replace(GITLAB)) is client
    assert provide(replace(GITLAB, secret="another")) is not client
    assert provide(GITLAB) is client


def test_a_cluster_has_one_client() -> None:
    client = providers.kubernetes(CLUSTER)
    assert providers.kubernetes(replace(CLUSTER)) is client
    assert client.cluster == "north"
    providers.close_all()
    assert providers.kubernetes(CLUSTER) is not client


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "KEPT", 2)
    first, second = providers.gitlab(GITLAB), providers.harbor(GITLAB)
    providers.gitlab(GITLAB)
    providers.registry(GITLAB)
    assert providers.gitlab(GITLAB) is first
    assert providers.harbor(GITLAB) is not second


def test_a_forked_child_builds_its_own() -> None:
    client = providers.gitlab(GITLAB)
    child = os.fork()
    if child == 0:
        os._exit(0 if providers.gitlab(GITLAB) is not client else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert providers.gitlab(GITLAB) is client


def test_no_vendor_library_is_loaded_before_it_is_needed() -> None:
    script = (
        "import sys, apps.integrations.providers, apps.integrations.kubernetes.diagnosis, "
        "apps.integrations.kubernetes.rollout\n"
        "heavy = {'kubernetes', 'gitlab', 'jenkins', 'prometheus_api_client', 'django'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
