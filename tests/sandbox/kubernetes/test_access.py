from __future__ import annotations

import base64

from tests.sandbox.conftest import wait_until

from .client import Client, Object

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def account(client: Client, namespace: str, *rules: Object) -> Client:
    """Return a client with the token of a new ServiceAccount `bot` that has the rules."""
    client.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "bot"}})
    client.post(f"{RBAC}/namespaces/{namespace}/roles", {"metadata": {"name": "bot"}, "rules": list(rules)})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bot"}
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": namespace}
    binding = {"metadata": {"name": "bot"}, "roleRef": reference, "subjects": [subject]}
    client.post(f"{RBAC}/namespaces/{namespace}/rolebindings", binding)
    token = client.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/bot/token", {"spec": {}})
    return client.with_token(token.body["status"]["token"])


def test_a_role_allows_what_it_says_and_nothing_else(client: Client, namespace: str) -> None:
    bot = account(client, namespace, {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]})
    assert bot.get(f"/api/v1/namespaces/{namespace}/pods").status == 200
    assert bot.get(f"/api/v1/namespaces/{namespace}/pods/x/log").status == 404
    assert bot.get("/api/v1/namespaces/default/pods").status == 403
    refused = bot.get(f"/api/v1/namespaces/{namespace}/pods?watch=1")
    assert refused.status == 403
    assert "cannot watch resource" in refused.body["message"]
    assert bot.call("DELETE", f"/api/v1/namespaces/{namespace}/pods").status == 403


def test_exec_needs_get_and_create(client: Client, namespace: str) -> None:
    bot = account(client, namespace, {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]})
    refused = bot.get(f"/api/v1/namespaces/{namespace}/pods/x/exec?command=sh&stdout=true")
    assert refused.status == 403
    assert refused.body["message"] == 'pods "x" is forbidden: '


def test_a_token_dies_with_its_account(client: Client, namespace: str) -> None:
    bot = account(client, namespace, {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    client.call("DELETE", f"{path}/bot")
    client.post(path, {"metadata": {"name": "bot"}})
    assert bot.get(f"/api/v1/namespaces/{namespace}/pods").status == 401


def test_a_token_cannot_be_made_up(client: Client, namespace: str) -> None:
    bot = account(client, namespace)
    head, claims, signature = (bot.token or "").split(".")
    forged = (
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"bot", b"bad")).decode().rstrip("=")
    )
    for token in (f"{head}.{forged}.{signature}", f"{head}.{claims}.", "a.b.c", "…"):
        assert client.with_token(token.encode("ascii", "replace").decode()).get("/version").status == 401


def test_a_secret_of_the_tokens_type_is_filled_in(client: Client, namespace: str) -> None:
    account(client, namespace)
    path = f"/api/v1/namespaces/{namespace}/secrets"
    metadata = {"name": "bot", "annotations": {"kubernetes.io/service-account.name": "bot"}}
    client.post(path, {"metadata": metadata, "type": "kubernetes.io/service-account-token"})
    data = wait_until(lambda: client.get(f"{path}/bot").body.get("data"))
    assert base64.b64decode(data["namespace"]).decode() == namespace
    bot = client.with_token(base64.b64decode(data["token"]).decode())
    who = bot.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert who.body["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:bot"


def test_a_review_tells_which_binding_allows(client: Client, namespace: str) -> None:
    bot = account(client, namespace, {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]})
    asked = {"namespace": namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status = bot.post(path, {"spec": {"resourceAttributes": asked}}).body["status"]
    assert status["allowed"]
    assert f'RoleBinding "bot/{namespace}"' in status["reason"]
    asked["verb"] = "delete"
    assert bot.post(path, {"spec": {"resourceAttributes": asked}}).body["status"] == {"allowed": False}


def test_discovery_is_tagged(client: Client) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    first = client.get("/apis", Accept=accept)
    assert first.body["kind"] == "APIGroupDiscoveryList"
    again = client.get("/apis", Accept=accept, If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, "")
    assert client.get("/apis/nosuch.example/v1").body == "404 page not found\n"
