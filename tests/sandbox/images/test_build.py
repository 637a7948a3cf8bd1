"""Builds as the stage scripts run them: real commands, real layers, and the same digest from the same inputs."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from deploy.sandbox.images.pull import Credentials, Images, PullError
from deploy.sandbox.images.reference import Reference
from deploy.sandbox.images.storage import Storage
from deploy.sandbox.isolation import PIPE, Mode, Spec, probe, spawn
from tests.sandbox.harbor.registry_client import sha256
from tests.sandbox.harbor.running import Running

from .conftest import Builder

THREE_STAGES = """\
FROM REGISTRY/base/clone:1 AS clone
WORKDIR /src
COPY . .

FROM REGISTRY/base/python-compile:3.11 AS compile
ARG GREETING=hello
WORKDIR /build
COPY --from=clone /src/ ./
RUN python3 -m compileall -q app.py && echo "$GREETING" > greeting.txt \\
    && touch not-wanted

FROM REGISTRY/base/python-run:3.11 AS run
ENV PORT=8080
WORKDIR /app
COPY --from=compile --chown=app:app /build/app.py /build/greeting.txt /app/
COPY --from=compile /build/__pycache__ /app/__pycache__
EXPOSE 8080
CMD ["python3", "/app/app.py"]
"""


def names_in_last_layer(builder: Builder) -> list[str]:
    image = builder.image()
    with tarfile.open(builder.root / "blobs" / "sha256" / image.layers[-1].digest.removeprefix("sha256:")) as archive:
        return archive.getnames()


def text_in_last_layer(builder: Builder, name: str) -> str:
    image = builder.image()
    with tarfile.open(builder.root / "blobs" / "sha256" / image.layers[-1].digest.removeprefix("sha256:")) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read().decode()


def test_run_image_holds_only_what_the_last_stage_copied(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write(THREE_STAGES, app_py="print('hi')\n", secret_txt="not for the image")
    assert builder.build("--iidfile", str(builder.context.parent / "id"), "--build-arg", "GREETING=hi there") == 0
    names = names_in_last_layer(builder)
    assert [name for name in names if "pycache" not in name] == ["app/app.py", "app/greeting.txt"]
    assert text_in_last_layer(builder, "app/greeting.txt") == "hi there\n"
    image = builder.image()
    assert len(image.layers) == 2
    config = image.config["config"]
    assert config["Cmd"] == ["python3", "/app/app.py"]
    assert config["Entrypoint"] == ["/opt/slipway/my_init", "--"]
    assert "PORT=8080" in config["Env"]
    assert not [entry for entry in config["Env"] if entry.startswith(("GREETING", "SOURCE_DATE_EPOCH"))]
    assert (builder.context.parent / "id").read_text() == image.config_descriptor.digest
    layered = [entry for entry in image.config["history"] if not entry.get("empty_layer")]
    assert len(layered) == len(image.layers)
    output = capfd.readouterr().out
    assert "[2/3] STEP 5/5: RUN python3 -m compileall" in output
    assert "[3/3] STEP 7/7: CMD" in output


def test_same_inputs_give_the_same_digest(harbor: Running, tmp_path: Path, builder: Builder) -> None:
    digests = set()
    for number, umask in enumerate((0o022, 0o077)):
        context = tmp_path / f"context-{number}"
        previous = os.umask(umask)
        context.mkdir()
        other = Builder(tmp_path / f"storage-{number}", context, harbor, builder.login)
        other.write(THREE_STAGES, app_py="import json\nprint({'a', 'b'})\n", lib__x_py="X = 1\n")
        os.umask(previous)
        os.utime(context / "app.py", (number * 1e9, number * 1e9))
        assert other.build("--layers") == 0
        digests.add(other.image().digest)
        assert other.build("--layers") == 0  # from the cache
        digests.add(other.image().digest)
    assert len(digests) == 1


def test_another_input_gives_another_digest(builder: Builder) -> None:
    builder.write(THREE_STAGES, app_py="print(1)\n")
    assert builder.build("--layers") == 0
    first = builder.image().digest
    builder.write(THREE_STAGES, app_py="print(2)\n")
    assert builder.build("--layers") == 0
    assert builder.image().digest != first


def test_failed_command_names_its_line_and_code(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write("FROM REGISTRY/base/clone:1\n\nRUN true\nRUN echo before it fails \\\n && exit 2\n")
    assert builder.build() == 2
    captured = capfd.readouterr()
    assert "before it fails\n" in captured.out
    assert "Dockerfile:4: RUN exited with 2" in captured.err


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("FROM REGISTRY/base/nothing:1\n", "Dockerfile:1: cannot get the image"),
        ("FROM REGISTRY/base/clone:1\nCOPY absent /app/\n", 'Dockerfile:2: "/absent" not found in the build context'),
        (
            "FROM REGISTRY/base/clone:1\nCOPY ../../etc/passwd /app/\n",
            'Dockerfile:2: "/etc/passwd" not found in the build',
        ),
        ("FROM REGISTRY/base/clone:1\nCOPY *.none /app/\n", 'Dockerfile:2: no file matches "*.none"'),
        ("FROM REGISTRY/base/clone:1\nCOPY a b /app\n", "must be a directory and end with a /"),
        (
            "FROM REGISTRY/base/clone:1\nCOPY a /usr/share/x\n",
            "Dockerfile:2: /usr/share/x lies in /usr, which this base",
        ),
        ("FROM REGISTRY/base/clone:1\nCOPY --from=absent /a /b\n", "Dockerfile:2: cannot get the image absent"),
        ("FROM REGISTRY/base/clone:1\nRUN --mount=type=secret,id=x true\n", "type=cache with a target only"),
        ("FROM REGISTRY/base/clone:1\nEXPOSE http\n", "Dockerfile:2: EXPOSE: invalid port 'http'"),
        ("FROM REGISTRY/base/clone:1\nENV A\n", "Dockerfile:2: ENV: 'A' has no value"),
    ],
)
def test_what_cannot_be_built_says_where_and_why(
    builder: Builder, capfd: pytest.CaptureFixture[str], dockerfile: str, message: str
) -> None:
    builder.write(dockerfile, a="", b="")
    assert builder.build() == 125
    assert message in capfd.readouterr().err
    assert list((builder.root / "work").iterdir()) == []


def test_only_needed_stages_are_built(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write(
        "FROM scratch AS unused\nRUN exit 1\nFROM REGISTRY/base/clone:1 AS first\nRUN echo one > one\n"
        "FROM first AS second\nRUN echo two > two && rm one\n"
        "FROM scratch\nCOPY --from=second /app /\n"
    )
    assert builder.build() == 0
    assert names_in_last_layer(builder) == ["two"]
    assert "unused" not in capfd.readouterr().out
    assert builder.build("--target", "second") == 0
    assert names_in_last_layer(builder) == ["app/.wh.one", "app/two"]
    assert len(builder.image().layers) == 3
    assert builder.build("--target", "absent") == 125


def test_cache_is_used_and_left_alone(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write("FROM REGISTRY/base/clone:1\nCOPY input.txt /app/\nRUN date +%N > now && echo ran\n", input_txt="1")
    cache = ["--layers-cache", str(builder.root / "elsewhere")]

    def ran(*extra: str) -> bool:
        capfd.readouterr()
        assert builder.build(*extra) == 0
        return "\nran\n" in capfd.readouterr().out

    assert ran(*cache)
    moment = text_in_last_layer(builder, "app/now")
    assert not ran(*cache)
    assert text_in_last_layer(builder, "app/now") == moment
    assert ran(*cache, "--no-cache")
    assert ran()
    (builder.context / "input.txt").write_text("2")
    assert ran(*cache)
    for layer in (builder.root / "elsewhere").glob("*.layer"):
        layer.write_bytes(b"damaged")
    assert ran(*cache)


def test_copy_rules(builder: Builder) -> None:
    builder.write(
        "FROM scratch\nCOPY a*.txt [bc].txt /texts/\nCOPY folder /folder\nCOPY a1.txt /renamed\n"
        'COPY ["with space.txt", "/texts/"]\nCOPY --chmod=0700 a1.txt /script\nADD a1.txt /added/\n',
        dot_dockerignore="**/*.log\nfolder/private\n",
        a1_txt="1", a2_txt="2", b_txt="b", folder__x__y_txt="y", folder__z="z", folder__no_log="", folder__private__key="k",
    )  # fmt: skip
    (builder.context / "folder" / "no_log").rename(builder.context / "folder" / "no.log")
    (builder.context / "with space.txt").write_text("s")
    (builder.context / "folder" / "link").symlink_to("z")
    assert builder.build() == 0
    files = [
        name for name in names_in_last_layer(builder) if "." in name or name in ("renamed", "script", "folder/link")
    ]
    assert files == [
        "added/a1.txt", "folder/link", "folder/x/y.txt", "renamed", "script",
        "texts/a1.txt", "texts/a2.txt", "texts/b.txt", "texts/with space.txt",
    ]  # fmt: skip
    assert "folder/private" not in names_in_last_layer(builder)


def test_environment_arguments_and_metadata(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write(
        "ARG VERSION=1\nFROM REGISTRY/base/python-run:3.11\nARG VERSION\nARG OTHER=x\nENV A=$VERSION B=${OTHER:-y}-$A\n"
        'LABEL v=$VERSION "two words"=yes\nSHELL ["/bin/sh", "-e", "-c"]\nRUN false; echo not reached\n'
    )
    assert builder.build("--build-arg", "VERSION=2", "--build-arg", "STRANGE=1") == 1
    builder.write(
        "ARG VERSION=1\nFROM REGISTRY/base/python-run:3.11\nARG VERSION\nARG OTHER=x\nENV A=$VERSION B=${OTHER:-y}\n"
        'LABEL v=$VERSION "two words"=yes\nUSER app\nVOLUME /data\nSTOPSIGNAL SIGINT\nHEALTHCHECK CMD true\n'
        'ENTRYPOINT ["/bin/env"]\n'
    )
    capfd.readouterr()
    assert builder.build("--build-arg", "VERSION=2", "--build-arg", "STRANGE=1", "--label", "build=7") == 0
    assert "were not consumed: ['STRANGE']" in capfd.readouterr().out
    config = builder.image().config["config"]
    assert {"A=2", "B=x"} <= set(config["Env"])
    assert {"v": "2", "two words": "yes", "build": "7"}.items() <= config["Labels"].items()
    assert (config["User"], config["StopSignal"], config["Volumes"]) == ("app", "SIGINT", {"/data": {}})
    assert config["Entrypoint"] == ["/bin/env"]
    assert len(builder.image().layers) == 1  # nothing changed in the root, so there is no empty layer


@pytest.mark.skipif(probe().mode is Mode.NONE, reason="needs namespaces")
def test_command_sees_the_image_and_not_the_machine(builder: Builder) -> None:
    builder.write(
        "FROM REGISTRY/base/clone:1\nRUN pwd > where && cat /etc/passwd | head -1 > who && ls / > root\n"
        "RUN --mount=type=cache,target=/cache touch /cache/x && test ! -e /work\n"
    )
    assert builder.build() == 0
    assert text_in_last_layer(builder, "app/where") == "/app\n"
    assert text_in_last_layer(builder, "app/who").startswith("root:")
    assert "mnt" not in text_in_last_layer(builder, "app/root").split()
    assert set(names_in_last_layer(builder)) == {"app/where", "app/who", "app/root", "cache"}


def test_pushed_image_can_be_pulled_and_verified_by_a_stranger(harbor: Running, builder: Builder) -> None:
    builder.write(THREE_STAGES, app_py="print('hi')\n")
    assert builder.build(tag="demo/pushed:v1") == 0
    digest_file = builder.context.parent / "digest"
    assert builder.push("--digestfile", str(digest_file), tag="demo/pushed:v1") == 0
    client = harbor.client(harbor.admin)
    answer = client.call("GET", "/v2/demo/pushed/manifests/v1")
    assert sha256(answer.content) == digest_file.read_text() == answer.headers["Docker-Content-Digest"]
    manifest = answer.json()
    config = json.loads(client.call("GET", f"/v2/demo/pushed/blobs/{manifest['config']['digest']}").content)
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        content = client.call("GET", f"/v2/demo/pushed/blobs/{layer['digest']}").content
        assert (sha256(content), len(content)) == (layer["digest"], layer["size"])
        assert sha256(gzip.decompress(content)) == diff_id
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            assert archive.getnames()
    client.close()


def test_push_without_rights_is_refused(harbor: Running, builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write("FROM REGISTRY/base/clone:1\n")
    assert builder.build() == 0
    builder.login.write_text("{}")
    assert builder.push() == 125
    assert "401 UNAUTHORIZED" in capfd.readouterr().err
    assert builder.push("--creds", "admin:wrong") == 125
    assert builder.run("push", f"{harbor.registry}/demo/never-built:v1") == 125
    assert "image not known" in capfd.readouterr().err


def test_inspect_and_tag(builder: Builder, capfd: pytest.CaptureFixture[str]) -> None:
    builder.write("FROM REGISTRY/base/clone:1\n")
    assert builder.build() == 0
    assert builder.run("tag", f"{builder.harbor.registry}/demo/app:v1", "localhost/other:v2") == 0
    capfd.readouterr()
    assert builder.run("inspect", "localhost/other:v2") == 0
    shown = json.loads(capfd.readouterr().out)
    assert shown["FromImageDigest"] == builder.image().digest
    assert shown["OCIv1"]["config"]["WorkingDir"] == "/app"


def test_sigterm_ends_the_running_command(builder: Builder) -> None:
    marker = f"3{os.getpid()}.25"  # an odd number of seconds tells our sleep from any other
    builder.write(f"FROM REGISTRY/base/clone:1\nRUN echo started && exec sleep {marker}\n")
    command = [sys.executable, "-m", "deploy.sandbox.images.builder", "--root", str(builder.root), "build"]
    process = subprocess.Popen(
        [*command, "--tls-ca", builder.harbor.ca, str(builder.context)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line == "started\n":
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 143, output
    deadline = time.monotonic() + 10
    while any(marker in text for text in _command_lines()):
        assert time.monotonic() < deadline, "the command outlived its build"
        time.sleep(0.05)
    assert list((builder.root / "work").iterdir()) == []


def _command_lines() -> list[str]:
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(place.read_text())
        except OSError:
            continue
    return lines


def test_built_image_runs_on_a_node(harbor: Running, builder: Builder, tmp_path: Path) -> None:
    """From the Dockerfile to a process: built, pushed, pulled and unpacked by the node's code, and run under its init."""
    builder.write(
        THREE_STAGES,
        app_py="import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
        "print(open('greeting.txt').read().strip(), sys.version_info[:2], flush=True)\n"
        "os.kill(os.getppid(), signal.SIGTERM)\nsignal.pause()\n",
    )
    assert builder.build("--build-arg", "GREETING=from the image", tag="demo/runs:v1") == 0
    assert builder.push(tag="demo/runs:v1") == 0

    async def story() -> tuple[bytes, int]:
        images = Images(tmp_path / "node", ssl.create_default_context(cafile=harbor.ca))
        reference = Reference.parse(f"{harbor.registry}/demo/runs:v1")
        with pytest.raises(PullError, match="pull access denied"):
            await images.pull(reference, [])
        image = await images.pull(reference, [Credentials(*harbor.admin)])
        config = image.config["config"]
        env = dict(entry.partition("=")[::2] for entry in config["Env"])
        spec = Spec(str(image.root), [*config["Entrypoint"], *config["Cmd"]], env=env, cwd=config["WorkingDir"])
        process = await spawn(spec, stdout=PIPE)
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode is not None
        return output, process.returncode

    output, code = asyncio.run(story())
    assert output.startswith(b"from the image (3, ")
    assert code == 4


def test_prune_keeps_what_is_in_use(builder: Builder) -> None:
    builder.write("FROM REGISTRY/base/clone:1\nRUN echo one > one\n")
    assert builder.build(tag="demo/old:v1") == 0
    assert builder.build(tag="demo/kept:v1") == 0
    builder.write("FROM REGISTRY/base/clone:1\nRUN echo two > two\n")
    assert builder.build(tag="demo/gone:v1") == 0
    gone = builder.image("demo/gone:v1")
    storage = Storage(builder.root)
    (storage.work / "build-killed").mkdir()
    for place in builder.root.rglob("*"):
        os.utime(place, (0, 0))
    assert storage.find(f"{builder.harbor.registry}/demo/kept:v1") is not None  # used now
    storage.prune()
    assert builder.push(tag="demo/kept:v1") == 0
    assert storage.find(gone.name) is None
    assert not storage.path(gone.layers[-1].digest).exists()
    assert list(storage.work.iterdir()) == []


def test_builds_at_the_same_time_share_a_storage(builder: Builder) -> None:
    builder.write(
        "FROM REGISTRY/base/clone:1\nCOPY common.txt ./\nARG NUMBER\nRUN echo $NUMBER > number\n", common_txt="x"
    )
    base = [sys.executable, "-m", "deploy.sandbox.images.builder", "--root", str(builder.root)]
    processes = []
    for number in range(3):
        name = f"{builder.harbor.registry}/demo/parallel:{number}"
        command = [
            *base,
            "build",
            "--layers",
            "--tls-ca",
            builder.harbor.ca,
            "--build-arg",
            f"NUMBER={number}",
            "-t",
            name,
        ]
        processes.append(
            subprocess.Popen([*command, str(builder.context)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        )
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output.decode()
    for number in range(3):
        assert builder.push(tag=f"demo/parallel:{number}") == 0
