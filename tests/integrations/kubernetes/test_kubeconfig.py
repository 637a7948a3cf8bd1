"""What people paste: usable, refused with the field and the way out, or hostile."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidInput
from apps.integrations.connection import ClusterConnection
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.kubeconfig import from_token, parse_kubeconfig
from apps.integrations.kubernetes.kubeconfig_problems import Problem
from deploy.sandbox.common.authority import Authority
from tests.integrations.conftest import Sandbox


@pytest.fixture(scope="module")
def ca_pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    return Authority(tmp_path_factory.mktemp("ca")).ca_pem


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config_of(ca_pem: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [
            {"name": "c", "cluster": {"server": "https://k8s:6443", "certificate-authority-data": encoded(ca_pem)}}
        ],
        "users": [{"name": "u", "user": {"token": "abc"}}],
        "contexts": [
            {"name": "a-test", "context": {"cluster": "c", "user": "u"}},
            {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
        ],
    }


def problems(config: dict[str, Any] | str) -> dict[str, list[str]]:
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    with pytest.raises(InvalidInput) as caught:
        parse_kubeconfig(text)
    json.dumps(caught.value.fields)  # as the API answers it
    return {field: [f"{each.code}: {each.fix}" for each in found] for field, found in caught.value.fields.items()}


def test_one_connection_for_each_context_the_current_one_first(ca_pem: str) -> None:
    connections = parse_kubeconfig(yaml.safe_dump(config_of(ca_pem)))
    assert connections == [
        ClusterConnection("prod", "https://k8s:6443", ca_pem=ca_pem, token="abc", namespace="shop"),
        ClusterConnection("a-test", "https://k8s:6443", ca_pem=ca_pem, token="abc"),
    ]


def test_a_client_certificate_is_taken_too(ca_pem: str) -> None:
    config = config_of(ca_pem)
    config["users"][0]["user"] = {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")}
    [first, _] = parse_kubeconfig(yaml.safe_dump(config))
    assert (first.client_certificate_pem, first.client_key_pem, first.token) == ("CERT", "KEY", "")


@pytest.mark.parametrize(
    ("section", "field", "value", "path", "code"),
    [
        ("user", "exec", {"command": "rm"}, "users[u].exec", "kubeconfig.exec: a ServiceAccount token"),
        ("user", "auth-provider", {"name": "oidc"}, "users[u].auth-provider", "kubeconfig.auth_provider"),
        ("user", "client-key", "/etc/shadow", "users[u].client-key", "kubeconfig.file_path: client-key-data"),
        ("user", "tokenFile", "/run/token", "users[u].tokenFile", "kubeconfig.file_path: token"),
        ("user", "password", "x", "users[u].username", "kubeconfig.basic_auth"),
        ("user", "as", "admin", "users[u].as", "kubeconfig.impersonation"),
        ("user", "client-key-data", "?!", "users[u].client-key-data", "kubeconfig.not_base64"),
        ("user", "client-key-data", encoded("KEY"), "users[u].client-certificate-data", "kubeconfig.missing"),
        ("cluster", "certificate-authority", "ca.crt", "clusters[c].certificate-authority", "kubeconfig.file_path"),
        ("cluster", "insecure-skip-tls-verify", True, "clusters[c].insecure-skip-tls-verify", "kubeconfig.insecure"),
        ("cluster", "proxy-url", "http://p", "clusters[c].proxy-url", "kubeconfig.proxy"),
        ("cluster", "server", "http://k8s", "clusters[c].server", "kubeconfig.bad_server: https://host:port"),
        ("cluster", "server", "https://me:pw@k8s", "clusters[c].server", "kubeconfig.bad_server"),
        ("cluster", "server", "https://k8s:99999", "clusters[c].server", "kubeconfig.bad_server"),
        ("cluster", "server", 7, "clusters[c].server", "kubeconfig.bad_server"),
        (
            "cluster",
            "certificate-authority-data",
            encoded("no PEM"),
            "clusters[c].certificate-authority-data",
            "kubeconfig.bad_certificate",
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    ca_pem: str, section: str, field: str, value: object, path: str, code: str
) -> None:
    config = config_of(ca_pem)
    given = config[f"{section}s"][0][section]
    if field.startswith("certificate-authority"):
        given.pop("certificate-authority-data")
    if field == "tokenFile":
        given.pop("token")
    given[field] = value
    found = problems(config)
    assert path in found
    assert found[path][0].startswith(code)


def test_a_problem_is_a_sentence() -> None:
    problem = Problem("kubeconfig.bad_server", "https://host:port")
    assert problem == "This is no address of an API server, as in https://host:port."
    assert (problem.code, problem.fix) == ("kubeconfig.bad_server", "https://host:port")


def test_insecure_is_taken_only_where_somebody_said_so(ca_pem: str) -> None:
    config = config_of(ca_pem)
    config["clusters"][0]["cluster"] = {"server": "https://k8s", "insecure-skip-tls-verify": True}
    [first, _] = parse_kubeconfig(yaml.safe_dump(config), allow_insecure=True)
    assert first.insecure is True


def test_a_bad_context_hides_the_good_ones_only_when_it_is_the_current_one(ca_pem: str) -> None:
    config = config_of(ca_pem)
    config["users"].append({"name": "v", "user": {"exec": {"command": "x"}}})
    config["contexts"][0]["context"]["user"] = "v"
    assert [each.name for each in parse_kubeconfig(yaml.safe_dump(config))] == ["prod"]
    config["current-context"] = "a-test"
    assert "users[v].exec" in problems(config)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"contexts": []}, "contexts"),
        ({"current-context": "none"}, "current-context"),
        ({"kind": "Pod"}, "kind"),
        ({"clusters": {}}, "contexts[prod].cluster"),
        ({"clusters": {"a": 1}}, "clusters"),
        ({"users": [{"name": "u"}]}, "users[0].user"),
        ({"users": [{"user": {}}]}, "users[0].name"),
        ({"users": [{"name": "u", "user": {}}]}, "users[u]"),
        ({"users": []}, "contexts[prod].user"),
    ],
)
def test_a_broken_document_is_named(ca_pem: str, change: dict[str, Any], path: str) -> None:
    assert path in problems(config_of(ca_pem) | change)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 1\na: 2",
        "a: &x [1]\nb: *x",
        "!!python/object/apply:os.system ['true']",
        "[" * 5000,
        "just text",
        "\x00",
        "a" * 600_000,
    ],
    ids=["yaml", "twice", "alias", "object", "deep", "text", "nul", "big"],
)
def test_a_hostile_or_foreign_document_is_refused(text: str) -> None:
    assert problems(text)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["clusters", "users", "contexts", "current-context", "kind"])


def outcome(text: str) -> object:
    """Return the connections, or the fields that are to blame."""
    try:
        return parse_kubeconfig(text)
    except InvalidInput as exc:
        return exc.fields


@given(st.dictionaries(KEYS, nested))
def test_any_document_is_parsed_or_refused(document: dict[str, Any]) -> None:
    assert outcome(yaml.safe_dump(document))


@given(st.sampled_from(["clusters", "users", "contexts"]), nested, st.integers(0, 1))
def test_any_part_may_be_wrong(section: str, value: Any, index: int) -> None:
    config = deepcopy(config_of("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
    entries = config[section]
    entries[min(index, len(entries) - 1)][section.removesuffix("s")] = value
    assert outcome(yaml.safe_dump(config))


def test_the_sandbox_kubeconfig_reaches_its_cluster(cluster_api: Sandbox) -> None:
    text = Path(cluster_api.endpoints["north"]["kubeconfig"]).read_text()
    inlined = yaml.safe_load(text)
    for entry in inlined["clusters"]:
        if file := entry["cluster"].pop("certificate-authority", None):
            entry["cluster"]["certificate-authority-data"] = encoded(Path(file).read_text())
    connection = parse_kubeconfig(yaml.safe_dump(inlined))[0]
    client = KubernetesClient(connection)
    assert client.whoami() == "admin"
    client.close()


def test_a_token_with_server_and_ca(ca_pem: str) -> None:
    connection = from_token(name="n", server=" https://k8s:6443/ ", token=" abc\n", ca_pem=ca_pem)
    assert (connection.server, connection.token) == ("https://k8s:6443", "abc")
    with pytest.raises(InvalidInput) as caught:
        from_token(name="n", server="k8s", token="a b", ca_pem="x")
    assert set(caught.value.fields) == {"server", "token", "ca_pem"}
