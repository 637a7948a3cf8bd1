"""A Harbor to pull bases from and push to, and the builder's command line on a storage of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.sandbox.images.builder.__main__ import main
from deploy.sandbox.images.storage import Storage, StoredImage
from tests.sandbox.harbor.running import Running


@pytest.fixture(scope="session")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("harbor"))
    yield running
    running.stop()


@dataclass
class Builder:
    """The command line with what every call needs."""

    root: Path
    context: Path
    harbor: Running
    login: Path

    def write(self, dockerfile: str, **files: str | bytes) -> None:
        """Fill the context; `__` in a keyword is a slash, `_dot_` a dot at the beginning."""
        (self.context / "Dockerfile").write_text(dockerfile.replace("REGISTRY", self.harbor.registry))
        for name, content in files.items():
            place = self.context / name.replace("dot_", ".", 1).replace("__", "/").replace("_py", ".py").replace(
                "_txt", ".txt"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def build(self, *extra: str, tag: str = "demo/app:v1") -> int:
        name = f"{self.harbor.registry}/{tag}"
        return self.run("build", "--tls-ca", self.harbor.ca, "-t", name, *extra, str(self.context))

    def push(self, *extra: str, tag: str = "demo/app:v1") -> int:
        name = f"{self.harbor.registry}/{tag}"
        return self.run(
            "push", "--tls-ca", self.harbor.ca, "--authfile", str(self.login), *extra, name, f"docker://{name}"
        )

    def run(self, *arguments: str) -> int:
        return main(["--root", str(self.root), *arguments])

    def image(self, tag: str = "demo/app:v1") -> StoredImage:
        image = Storage(self.root).find(f"{self.harbor.registry}/{tag}")
        assert image is not None
        return image


@pytest.fixture
def builder(harbor: Running, tmp_path: Path) -> Builder:
    context = tmp_path / "context"
    context.mkdir()
    login = tmp_path / "config.json"
    secret = base64.b64encode(":".join(harbor.admin).encode()).decode()
    login.write_text(json.dumps({"auths": {harbor.registry: {"auth": secret}}}))
    return Builder(tmp_path / "storage", context, harbor, login)
