"""What the server serves, as discovery documents: the two plain forms and the aggregated one.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from .resources import GROUPS, RESOURCES, Resource, versions

Object = dict[str, Any]
VERSION = "v1.36.0"


def version_info() -> Object:
    """Return the answer to /version."""
    return {
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": VERSION, "gitCommit": "slipway-sandbox", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64",
    }  # fmt: skip


def core_versions(address: str) -> Object:
    """Return the plain answer to /api."""
    where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}


def _group(name: str) -> Object:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions(name)]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def group_list() -> Object:
    """Return the plain answer to /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}


def group(name: str) -> Object | None:
    """Return the answer to /apis/GROUP, or None."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if name in GROUPS else None


def resource_list(group_name: str, version: str) -> Object | None:
    """Return the plain answer to /api/v1 or /apis/GROUP/VERSION, or None."""
    served = [each for each in RESOURCES if (each.group, each.version) == (group_name, version)]
    if not served:
        return None
    entries: list[Object] = []
    for resource in served:
        entries.append(_plain(resource))
        entries += [_plain_subresource(resource, index) for index in range(len(resource.subresources))]
    entries.sort(key=lambda entry: entry["name"])
    head: Object = {"kind": "APIResourceList", "groupVersion": served[0].api_version}
    if group_name:
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served[0].api_version}
    return head | {"resources": entries}


def _plain(resource: Resource) -> Object:
    entry: Object = {
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": list(resource.verbs),
    }  # fmt: skip
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if not resource.review:
        digest = hashlib.sha256(f"{resource.group}/{resource.version}/{resource.kind}".encode()).digest()
        entry["storageVersionHash"] = base64.b64encode(digest[:8]).decode()
    return entry


def _plain_subresource(resource: Resource, index: int) -> Object:
    sub = resource.subresources[index]
    entry: Object = {"name": f"{resource.plural}/{sub.name}", "singularName": "", "namespaced": resource.namespaced}
    if sub.group:
        entry |= {"group": sub.group, "version": sub.version}
    return entry | {"kind": sub.kind, "verbs": list(sub.verbs)}


def aggregated(*, core: bool, version: str) -> tuple[bytes, str]:
    """Return the aggregated document of the core or of the named groups, and its ETag."""
    names = [""] if core else list(GROUPS)
    items = [_aggregated_group(name) for name in names]
    document = {
        "kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {},
        "items": items,
    }  # fmt: skip
    body = msgspec.json.encode(document)
    return body, f'"{hashlib.sha512(body).hexdigest().upper()}"'


def _aggregated_group(name: str) -> Object:
    served = []
    for version in versions(name) or ["v1"]:
        resources = [_aggregated(each) for each in RESOURCES if (each.group, each.version) == (name, version)]
        served.append({"version": version, "resources": resources, "freshness": "Current"})
    return {"metadata": {"name": name} if name else {}, "versions": served}


def _aggregated(resource: Resource) -> Object:
    entry: Object = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": sub.group or resource.group, "version": sub.version or resource.version, "kind": sub.kind,
                },
                "verbs": list(sub.verbs),
            }
            for sub in resource.subresources
        ]  # fmt: skip
    return entry
