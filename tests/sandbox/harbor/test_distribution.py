"""The OCI distribution API: what a registry client relies on, and the errors that the specification names."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .registry_client import OCI_MANIFEST, Registry, sha256
from .running import Running


def code_of(answer: requests.Response) -> str:
    return str(answer.json()["errors"][0]["code"])


@pytest.fixture
def name() -> str:
    return f"demo/{uuid.uuid4().hex[:12]}"


def test_version_check_challenges_then_welcomes(harbor: Running, registry: Registry) -> None:
    bare = requests.get(f"{harbor.url}/v2/", verify=harbor.ca, timeout=20)
    assert bare.status_code == 401
    assert bare.headers["WWW-Authenticate"].startswith(f'Bearer realm="{harbor.url}/service/token"')
    assert code_of(bare) == "UNAUTHORIZED"
    assert registry.call("GET", "/v2/").status_code == 200
    assert requests.get(f"{harbor.url}/v2/", auth=harbor.admin, verify=harbor.ca, timeout=20).status_code == 200


def test_image_round_trip_keeps_every_byte(registry: Registry, name: str) -> None:
    layer = b"layer" * 5000
    digest, manifest = registry.push_image(name, "v1", layer)
    for reference in ("v1", digest):
        pulled = registry.call("GET", f"/v2/{name}/manifests/{reference}")
        assert pulled.content == manifest
        assert pulled.headers["Docker-Content-Digest"] == digest
        assert pulled.headers["Content-Type"] == OCI_MANIFEST
        head = registry.call("HEAD", f"/v2/{name}/manifests/{reference}")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["Content-Length"]) == len(manifest)
    blob = registry.call("GET", f"/v2/{name}/blobs/{sha256(layer)}")
    assert blob.content == layer
    assert blob.headers["Docker-Content-Digest"] == sha256(layer)


def test_ranges_of_a_blob(registry: Registry, name: str) -> None:
    digest = registry.push_blob(name, bytes(range(256)))
    part = registry.call("GET", f"/v2/{name}/blobs/{digest}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["Content-Range"] == "bytes 10-19/256"
    assert registry.call("GET", f"/v2/{name}/blobs/{digest}", headers={"Range": "bytes=999-"}).status_code == 416


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=4), last=st.binary(max_size=50))
def test_chunked_upload_of_any_pieces(registry: Registry, chunks: list[bytes], last: bytes) -> None:
    begun = registry.call("POST", "/v2/demo/chunks/blobs/uploads/")
    location, sent = begun.headers["Location"], 0
    for chunk in chunks:
        headers = {"Content-Range": f"{sent}-{sent + len(chunk) - 1}", "Content-Type": "application/octet-stream"}
        answer = registry.call("PATCH", location, data=chunk, headers=headers)
        sent += len(chunk)
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{sent - 1}"
        location = answer.headers["Location"]
        assert registry.call("GET", location).headers["Range"] == f"0-{sent - 1}"
    digest = sha256(b"".join(chunks) + last)
    assert registry.call("PUT", location, params={"digest": digest}, data=last).status_code == 201
    assert registry.call("GET", f"/v2/demo/chunks/blobs/{digest}").content == b"".join(chunks) + last


def test_chunk_out_of_order_says_where_to_go_on(registry: Registry, name: str) -> None:
    location = registry.call("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    registry.call("PATCH", location, data=b"abcde")
    answer = registry.call("PATCH", location, data=b"xyz", headers={"Content-Range": "9-11"})
    assert (answer.status_code, code_of(answer)) == (416, "RANGE_INVALID")
    assert answer.headers["Range"] == "0-4"
    assert registry.call("PUT", location, params={"digest": sha256(b"abcde")}).status_code == 201


def test_monolithic_upload_and_mount(registry: Registry, name: str) -> None:
    digest = sha256(b"whole")
    answer = registry.call("POST", f"/v2/{name}/blobs/uploads/", params={"digest": digest}, data=b"whole")
    assert answer.status_code == 201
    other = f"{name}-other"
    assert registry.call("HEAD", f"/v2/{other}/blobs/{digest}").status_code == 404
    mounted = registry.call("POST", f"/v2/{other}/blobs/uploads/", params={"mount": digest, "from": name})
    assert mounted.status_code == 201
    assert registry.call("GET", f"/v2/{other}/blobs/{digest}").content == b"whole"
    unknown = registry.call("POST", f"/v2/{other}/blobs/uploads/", params={"mount": sha256(b"no"), "from": name})
    assert unknown.status_code == 202


def test_wrong_digest_is_refused_and_leaves_nothing(registry: Registry, name: str) -> None:
    claimed = sha256(b"something else")
    location = registry.call("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    answer = registry.call("PUT", location, params={"digest": claimed}, data=b"content")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert registry.call("HEAD", f"/v2/{name}/blobs/{claimed}").status_code == 404
    gone = registry.call("GET", location)
    assert (gone.status_code, code_of(gone)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_upload_of_another_repository_is_unknown(registry: Registry, name: str) -> None:
    location = registry.call("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    answer = registry.call("PATCH", location.replace(name, f"{name}-other"), data=b"x")
    assert code_of(answer) == "BLOB_UPLOAD_UNKNOWN"
    assert registry.call("DELETE", location).status_code == 204
    assert registry.call("DELETE", location).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"{", OCI_MANIFEST, "MANIFEST_INVALID"),
        (b"[]", OCI_MANIFEST, "MANIFEST_INVALID"),
        (b'{"schemaVersion": 2, "layers": []}', OCI_MANIFEST, "MANIFEST_INVALID"),
        (b'{"schemaVersion": 2, "mediaType": "text/plain"}', "text/plain", "MANIFEST_INVALID"),
        (json.dumps({"schemaVersion": 2, "config": {"digest": sha256(b"?"), "size": 1}, "layers": []}).encode(),
         OCI_MANIFEST, "MANIFEST_BLOB_UNKNOWN"),
    ],
)  # fmt: skip
def test_bad_manifests(registry: Registry, name: str, content: bytes, kind: str, code: str) -> None:
    answer = registry.put_manifest(name, "v1", content, kind)
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert registry.call("GET", f"/v2/{name}/manifests/v1").status_code == 404


def test_manifest_pushed_by_digest_must_match(registry: Registry, name: str) -> None:
    _, manifest = registry.push_image(name, "v1", b"layer")
    assert code_of(registry.put_manifest(name, sha256(b"other"), manifest)) == "DIGEST_INVALID"
    assert registry.put_manifest(name, sha256(manifest), manifest).status_code == 201
    assert code_of(registry.put_manifest(name, "-bad-", manifest)) == "TAG_INVALID"


def test_unknown_things(registry: Registry, name: str) -> None:
    missing = registry.call("GET", f"/v2/{name}/manifests/nope")
    assert (missing.status_code, code_of(missing)) == (404, "MANIFEST_UNKNOWN")
    assert code_of(registry.call("GET", f"/v2/{name}/tags/list")) == "NAME_UNKNOWN"
    assert code_of(registry.call("GET", f"/v2/{name}/blobs/{sha256(b'?')}")) == "BLOB_UNKNOWN"
    assert code_of(registry.call("GET", f"/v2/{name}/blobs/sha256:short")) == "DIGEST_INVALID"
    assert code_of(registry.call("GET", "/v2/noproject/manifests/v1")) == "NAME_INVALID"
    assert code_of(registry.call("GET", "/v2/demo/UPPER/manifests/v1")) == "NAME_INVALID"
    nowhere = registry.call("POST", "/v2/nowhere/app/blobs/uploads/")
    assert (nowhere.status_code, "project nowhere not found" in nowhere.text) == (401, True)


def test_tags_come_in_pages(registry: Registry, name: str) -> None:
    for tag in ("c", "a", "b"):
        registry.push_image(name, tag, b"layer")
    page = registry.call("GET", f"/v2/{name}/tags/list", params={"n": "2"})
    assert page.json() == {"name": name, "tags": ["a", "b"]}
    following = page.links["next"]["url"]
    assert registry.call("GET", following).json()["tags"] == ["c"]
    assert code_of(registry.call("GET", f"/v2/{name}/tags/list?n=x")) == "PAGINATION_NUMBER_INVALID"


def test_index_and_referrers(registry: Registry, name: str) -> None:
    digest, manifest = registry.push_image(name, "v1", b"layer")
    kind = "application/vnd.oci.image.index.v1+json"
    child = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(manifest)}
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [child]}).encode()
    assert registry.put_manifest(name, "multi", index, kind).status_code == 201
    assert registry.call("GET", f"/v2/{name}/manifests/multi").content == index
    signature, _ = registry.push_image(name, "sig", b"signature", subject=child, artifactType="application/x.sig")
    found = registry.call("GET", f"/v2/{name}/referrers/{digest}").json()["manifests"]
    assert [(item["digest"], item["artifactType"]) for item in found] == [(signature, "application/x.sig")]
    assert registry.call("GET", f"/v2/{name}/referrers/{digest}?artifactType=other").json()["manifests"] == []


def test_deletion(registry: Registry, name: str) -> None:
    digest, _ = registry.push_image(name, "v1", b"layer")
    assert registry.call("DELETE", f"/v2/{name}/manifests/v1").status_code == 405
    assert registry.call("DELETE", f"/v2/{name}/manifests/{digest}").status_code == 202
    assert registry.call("GET", f"/v2/{name}/manifests/v1").status_code == 404
    assert registry.call("DELETE", f"/v2/{name}/blobs/{sha256(b'layer')}").status_code == 202
    assert registry.call("HEAD", f"/v2/{name}/blobs/{sha256(b'layer')}").status_code == 404


def test_private_project_needs_credentials_and_public_does_not(harbor: Running, registry: Registry, name: str) -> None:
    registry.push_image(name, "v1", b"layer")
    stranger, wrong = harbor.client(None), harbor.client(("admin", "wrong"))
    refused = stranger.call("GET", f"/v2/{name}/manifests/v1")
    assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED")
    assert wrong.call("GET", f"/v2/{name}/manifests/v1").status_code == 401
    registry.push_image("base/anybody", "1", b"layer")
    assert stranger.call("GET", "/v2/base/anybody/manifests/1").status_code == 200
    assert stranger.call("POST", "/v2/base/anybody/blobs/uploads/").status_code == 401
    digest = sha256(b"layer")
    stolen = stranger.call("POST", "/v2/base/anybody/blobs/uploads/", params={"mount": digest, "from": name})
    assert stolen.status_code == 401
    assert stranger.call("GET", "/v2/_catalog").status_code == 401
    assert name in registry.call("GET", "/v2/_catalog").json()["repositories"]
    stranger.close()
    wrong.close()


def test_forged_and_foreign_tokens_are_refused(harbor: Running, registry: Registry, name: str) -> None:
    registry.push_image(name, "v1", b"layer")
    scope = f"repository:{name}:pull"
    token = registry.call("GET", "/service/token", params={"service": "harbor-registry", "scope": scope}).json()
    assert token["expires_in"] > 0
    url = f"{harbor.url}/v2/{name}/manifests/v1"
    for value in ("x", token["token"], f"{token['token']}x", "a.b.c"):  # the second: an anonymous token grants nothing
        answer = requests.get(url, headers={"Authorization": f"Bearer {value}"}, verify=harbor.ca, timeout=20)
        assert answer.status_code == 401


def test_images_survive_a_restart(harbor: Running, registry: Registry, name: str) -> None:
    digest, manifest = registry.push_image(name, "v1", b"layer")
    location = registry.call("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    registry.call("PATCH", location, data=b"half ")
    harbor.restart()
    fresh = harbor.client(harbor.admin)
    assert fresh.call("GET", f"/v2/{name}/manifests/{digest}").content == manifest
    digest = sha256(b"half done")
    assert fresh.call("PUT", location, params={"digest": digest}, data=b"done").status_code == 201
    fresh.close()


def test_journal_names_the_push_and_holds_no_credentials(harbor: Running, registry: Registry, name: str) -> None:
    digest, _ = registry.push_image(name, "v1", b"layer")
    entries = [entry for entry in harbor.host.context.journal.entries() if entry.get("repository") == name]
    assert [(entry["method"], entry["reference"], entry["digest"]) for entry in entries] == [("PUT", "v1", digest)]
    assert harbor.admin[1] not in (harbor.state / "journal.jsonl").read_text()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_skopeo_copies_images_in_and_out(
    harbor: Running, registry: Registry, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("skopeo")
    (folder / "certificates").mkdir()
    shutil.copy(harbor.ca, folder / "certificates" / "ca.crt")
    certificates, credentials = str(folder / "certificates"), ":".join(harbor.admin)

    def skopeo(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["skopeo", *arguments], capture_output=True, text=True, timeout=30, check=False)

    base, ours = f"docker://{harbor.registry}/base/static:1", f"docker://{harbor.registry}/{name}:v1"
    pulled = skopeo("copy", "--src-cert-dir", certificates, base, f"oci:{folder}/image:v1")
    assert pulled.returncode == 0, pulled.stderr
    refused = skopeo("copy", "--dest-cert-dir", certificates, f"oci:{folder}/image:v1", ours)
    assert "unauthorized" in refused.stderr
    pushed = skopeo(
        "copy", "--dest-cert-dir", certificates, "--dest-creds", credentials, f"oci:{folder}/image:v1", ours
    )
    assert pushed.returncode == 0, pushed.stderr
    shown = skopeo("inspect", "--cert-dir", certificates, "--creds", credentials, ours)
    assert (
        json.loads(shown.stdout)["Digest"]
        == registry.call("HEAD", f"/v2/{name}/manifests/v1").headers["Docker-Content-Digest"]
    )
