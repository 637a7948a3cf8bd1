"""Make `protobuf.json`, the field numbers of the served kinds.

They come from the `generated.proto` files of the repositories k8s.io/api and k8s.io/apimachinery (Apache-2.0). Run it when the served release changes, with the root folders of both repositories:
`python -m deploy.sandbox.kubernetes.protobuf_table API_FOLDER APIMACHINERY_FOLDER`
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_name("protobuf.json")
Messages = dict[str, dict[str, list[str]]]
_ROOTS = (
    "k8s.io.api.core.v1", "k8s.io.api.apps.v1", "k8s.io.api.batch.v1", "k8s.io.api.policy.v1", "k8s.io.api.rbac.v1",
    "k8s.io.api.autoscaling.v1", "k8s.io.api.autoscaling.v2", "k8s.io.api.networking.v1", "k8s.io.api.discovery.v1",
    "k8s.io.api.coordination.v1", "k8s.io.api.events.v1", "k8s.io.api.authentication.v1",
    "k8s.io.api.authorization.v1", "k8s.io.api.storage.v1", "k8s.io.api.scheduling.v1",
)  # fmt: skip
_FIELD = re.compile(r"(?:(optional|repeated) )?(map<\s*\w+\s*,\s*[\w.]+\s*>|[\w.]+) (\w+) = (\d+);")


def parse(text: str) -> Messages:
    """Return the messages of a .proto file: name -> field number -> [JSON name, type]."""
    text = re.sub(r"//[^\n]*", "", text)
    package = re.search(r"^package ([\w.]+);", text, re.MULTILINE)
    assert package is not None, "a .proto file names its package"
    messages: Messages = {}
    for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        fields: dict[str, list[str]] = {}
        for label, kind, field, number in _FIELD.findall(body):
            fields[number] = [field, _typed(package[1], label, kind)]
        messages[f"{package[1]}.{name}"] = fields
    return messages


def _typed(package: str, label: str, kind: str) -> str:
    """Return a type in full: `*` before repeated ones, `map:` before the values of maps."""
    mapped = re.fullmatch(r"map<\s*\w+\s*,\s*([\w.]+)\s*>", kind)
    bare = (mapped[1] if mapped else kind).lstrip(".")
    if "." not in bare and bare[0].isupper():
        bare = f"{package}.{bare}"
    return f"map:{bare}" if mapped else f"*{bare}" if label == "repeated" else bare


def reachable(messages: Messages) -> Messages:
    """Return the messages that the served groups use."""
    found: set[str] = set()
    waiting = [name for name in messages if name.startswith(_ROOTS) and not name.endswith("List")]
    waiting.append("k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    while waiting:
        name = waiting.pop()
        if name in messages and name not in found:
            found.add(name)
            waiting += [kind.removeprefix("map:").lstrip("*") for _, kind in messages[name].values()]
    return {name: messages[name] for name in sorted(found)}


def files(folders: list[str]) -> Iterator[Path]:
    """Yield the .proto files of both repositories, released versions only."""
    for folder in folders:
        for path in sorted(Path(folder).rglob("generated.proto")):
            if not re.search(r"(alpha|beta|testapigroup)", str(path.relative_to(folder))):
                yield path


def main() -> None:
    """Read the files and write the table."""
    messages: Messages = {}
    for path in files(sys.argv[1:]):
        messages |= parse(path.read_text())
    lines = (f"{_json(name)}:{_json(fields)}" for name, fields in reachable(messages).items())
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    main()
