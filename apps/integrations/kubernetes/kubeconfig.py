"""Turn what a person pastes (a kubeconfig, or server, token and CA) into cluster connections.

A kubeconfig may tell its reader to run programs (`exec`, `auth-provider`) or to read files; on a console that would be
the console's programs and files, so these are refused, each error naming the field and the way out.
https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import yaml
from cryptography import x509

from apps.core.errors import InvalidInput
from apps.integrations.connection import ClusterConnection

from .kubeconfig_problems import Problem

SIZE_LIMIT = 512 * 1024
_FILE_FIELDS = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key given twice, of which YAML would silently take the last, and aliases, which can explode."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len({str(key) for key in keys}):
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", None)
        return super().compose_node(parent, index)


def parse_kubeconfig(text: str, *, allow_insecure: bool = False) -> list[ClusterConnection]:
    """Return one connection per usable context, the current context first.

    Contexts that cannot be used do not stand in the way of others, except the current one.

    Raises:
        InvalidInput: nothing in it can be used; `fields` maps each field's path to its problems.
    """
    document = _load(text)
    clusters, users = _named(document, "clusters", "cluster"), _named(document, "users", "user")
    contexts = _named(document, "contexts", "context")
    if not contexts:
        _refuse({"contexts": [Problem("kubeconfig.no_context")]})
    current = document.get("current-context") or ""
    if current and current not in contexts:
        _refuse({"current-context": [Problem("kubeconfig.unknown_context", f"one of {', '.join(sorted(contexts))}")]})
    ordered = sorted(contexts, key=lambda name: (name != current, name))
    connections: list[ClusterConnection] = []
    refused: InvalidInput | None = None
    for name in ordered:
        try:
            connections.append(_connection(name, contexts[name], clusters, users, allow_insecure))
        except InvalidInput as exc:
            if name == current:
                raise
            refused = refused or exc
    if refused is not None and not connections:
        raise refused
    return connections


def from_token(
    *, name: str, server: str, token: str, ca_pem: str = "", namespace: str = "", insecure: bool = False
) -> ClusterConnection:
    """Return the connection of a ServiceAccount's token.

    Raises:
        InvalidInput: the address, the token or the CA cannot be used.
    """
    problems: dict[str, list[Problem]] = {}
    server = _server(server, "server", problems)
    token = token.strip()
    if not token or any(character.isspace() for character in token):
        problems["token"] = [Problem("kubeconfig.bad_token", "one ServiceAccount token, without line breaks")]
    ca_pem = _ca(ca_pem.strip(), "ca_pem", problems)
    if problems:
        _refuse(problems)
    return ClusterConnection(
        name=name, server=server, ca_pem=ca_pem, token=token, namespace=namespace, insecure=insecure
    )


def _load(text: str) -> Mapping[str, Any]:
    if len(text) > SIZE_LIMIT:
        _refuse({"": [Problem("kubeconfig.too_big")]})
    try:
        document = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 (a SafeLoader, stricter)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark is not None else ""
        raise InvalidInput("kubeconfig.invalid", fields={"": [Problem("kubeconfig.not_yaml", place)]}) from exc
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        _refuse({"kind": [Problem("kubeconfig.not_a_kubeconfig", "kind: Config")]})
    return {str(key): part for key, part in document.items()}


def _named(document: Mapping[str, Any], section: str, inner: str) -> dict[str, Mapping[str, Any]]:
    entries = document.get(section) or []
    if not isinstance(entries, list):
        _refuse({section: [Problem("kubeconfig.not_a_list")]})
    named: dict[str, Mapping[str, Any]] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        content = entry.get(inner) if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            _refuse({f"{section}[{index}].name": [Problem("kubeconfig.missing")]})
        if not isinstance(content, dict):
            _refuse({f"{section}[{index}].{inner}": [Problem("kubeconfig.missing")]})
        named[name] = content
    return named


def _connection(
    name: str,
    context: Mapping[str, Any],
    clusters: Mapping[str, Mapping[str, Any]],
    users: Mapping[str, Mapping[str, Any]],
    allow_insecure: bool,
) -> ClusterConnection:
    problems: dict[str, list[Problem]] = {}
    for field, known in (("cluster", clusters), ("user", users)):
        if context.get(field) not in known:
            problems[f"contexts[{name}].{field}"] = [Problem("kubeconfig.unknown_reference")]
    if problems:
        _refuse(problems)
    at, cluster = f"clusters[{context['cluster']}]", clusters[context["cluster"]]
    of, user = f"users[{context['user']}]", users[context["user"]]
    _refuse_what_runs_or_reads(of, user, problems)
    _refuse_files(at, cluster, problems)
    _refuse_files(of, user, problems)
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    if insecure and not allow_insecure:
        path = f"{at}.insecure-skip-tls-verify"
        problems[path] = [Problem("kubeconfig.insecure", "certificate-authority-data with the cluster's CA")]
    if "proxy-url" in cluster:
        problems[f"{at}.proxy-url"] = [Problem("kubeconfig.proxy")]
    server = _server(cluster.get("server"), f"{at}.server", problems)
    ca_pem = _decoded(cluster, "certificate-authority-data", at, problems)
    if f"{at}.certificate-authority-data" not in problems:
        ca_pem = _ca(ca_pem, f"{at}.certificate-authority-data", problems)
    certificate = _decoded(user, "client-certificate-data", of, problems)
    key = _decoded(user, "client-key-data", of, problems)
    token = str(user.get("token") or "").strip()
    if bool(certificate) != bool(key):
        missing = "client-key-data" if certificate else "client-certificate-data"
        problems.setdefault(f"{of}.{missing}", [Problem("kubeconfig.missing")])
    if not token and not certificate and not problems:
        problems[of] = [Problem("kubeconfig.no_credentials", "token, or client-certificate-data and client-key-data")]
    if problems:
        _refuse(problems)
    return ClusterConnection(
        name=name,
        server=server,
        ca_pem=ca_pem,
        token=token,
        # With both, a server would take the certificate and the token would never be tried: one is enough.
        client_certificate_pem="" if token else certificate,
        client_key_pem="" if token else key,
        namespace=str(context.get("namespace") or ""),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        insecure=insecure,
    )


def _refuse_what_runs_or_reads(at: str, user: Mapping[str, Any], problems: dict[str, list[Problem]]) -> None:
    way_out = "a ServiceAccount token in users[].user.token"
    for field in ("exec", "auth-provider"):
        if field in user:
            problems[f"{at}.{field}"] = [Problem(f"kubeconfig.{field.replace('-', '_')}", way_out)]
    if "username" in user or "password" in user:
        problems[f"{at}.username"] = [Problem("kubeconfig.basic_auth", way_out)]
    for field in ("as", "as-uid", "as-groups", "as-user-extra"):
        if field in user:
            problems[f"{at}.{field}"] = [Problem("kubeconfig.impersonation", way_out)]


def _refuse_files(at: str, section: Mapping[str, Any], problems: dict[str, list[Problem]]) -> None:
    for field, instead in _FILE_FIELDS.items():
        if field in section and not section.get(instead):
            fix = f"{instead} (kubectl config view --raw --flatten writes it)"
            problems[f"{at}.{field}"] = [Problem("kubeconfig.file_path", fix)]


def _server(server: object, path: str, problems: dict[str, list[Problem]]) -> str:
    text = server.strip() if isinstance(server, str) else ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        problems[path] = [Problem("kubeconfig.bad_server", "https://host:port")]
    return text.rstrip("/")


def _decoded(section: Mapping[str, Any], field: str, at: str, problems: dict[str, list[Problem]]) -> str:
    encoded = section.get(field)
    if not encoded:
        return ""
    try:
        return base64.b64decode("".join(str(encoded).split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        problems[f"{at}.{field}"] = [Problem("kubeconfig.not_base64")]
        return ""


def _ca(ca_pem: str, path: str, problems: dict[str, list[Problem]]) -> str:
    if ca_pem:
        try:
            x509.load_pem_x509_certificates(ca_pem.encode())
        except ValueError:
            problems[path] = [
                Problem("kubeconfig.bad_certificate", "PEM text that begins with -----BEGIN CERTIFICATE-----")
            ]
    return ca_pem


def _refuse(problems: Mapping[str, list[Problem]]) -> NoReturn:
    raise InvalidInput("kubeconfig.invalid", fields=problems)
