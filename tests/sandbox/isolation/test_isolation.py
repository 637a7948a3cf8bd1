"""Processes in an unpacked root, in the best mode that this machine allows."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.isolation import DEFAULT_PATH, MOUNT_POINTS, PIPE, Bind, Mode, Spec, own, probe, run, spawn
from deploy.sandbox.isolation.userland import inside

ENVIRONMENT = {"PATH": DEFAULT_PATH, "HOME": "/root"}
isolated = pytest.mark.skipif(probe().mode is Mode.NONE, reason="needs namespaces")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir(mode=0o755)
    (folder / "etc").mkdir()
    (folder / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n")
    own(folder)
    return folder


async def shell(root: Path, script: str, **more: object) -> tuple[int, str]:
    spec = Spec(root=str(root), argv=["sh", "-c", script], env=ENVIRONMENT, **more)  # type: ignore[arg-type]
    code, output = await run(spec, timeout=20)
    return code, output.decode()


async def test_exit_code_and_output_come_back(root: Path) -> None:
    assert await shell(root, "echo out; echo err >&2; exit 7") == (7, "out\nerr\n")


async def test_borrowed_python_runs_under_its_fixed_path(root: Path) -> None:
    code, output = await shell(root, "python3 -c 'import ssl, sys; print(sys.version_info[:2] >= (3, 11))'")
    assert (code, output) == (0, "True\n")


@isolated
async def test_host_files_are_out_of_sight_and_the_userland_is_read_only(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    _, output = await shell(root, f"cat {tmp_path}/secret; touch /usr/mark; ls /home; echo own > /file; cat /file")
    assert "secret\n" not in output
    assert "Read-only file system" in output
    assert output.endswith("own\n")
    assert (root / "file").read_text() == "own\n"


@isolated
async def test_binds_appear_and_read_only_ones_cannot_be_written(root: Path, tmp_path: Path) -> None:
    for name in ("open", "closed"):
        (tmp_path / name).mkdir(mode=0o777)
        (tmp_path / name).chmod(0o777)
    binds = [Bind(str(tmp_path / "open"), "/data"), Bind(str(tmp_path / "closed"), "/deep/er/config", read_only=True)]
    code, output = await shell(root, "echo yes > /data/file; echo no > /deep/er/config/file", binds=binds)
    assert code != 0
    assert "Read-only file system" in output
    assert (tmp_path / "open" / "file").read_text() == "yes\n"
    assert not (tmp_path / "closed" / "file").exists()


@isolated
async def test_process_has_no_capability_to_reach_the_machine_and_gains_no_privilege(root: Path) -> None:
    _, output = await shell(root, "grep -E 'CapEff|NoNewPrivs|^Uid' /proc/self/status")
    values = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert int(values["CapEff:"], 16) & (1 << 21) == 0  # CAP_SYS_ADMIN
    assert values["NoNewPrivs:"] == "1"
    if probe().mode is Mode.ROOT:
        assert values["Uid:"] == "100000"  # never the machine's root


@isolated
async def test_users_of_the_image_have_their_names(root: Path) -> None:
    assert (await shell(root, "whoami"))[1] == "root\n"
    assert (await shell(root, "whoami; id -u", uid=1000, gid=1000))[1].splitlines()[0] == "app"


@isolated
async def test_processes_of_the_machine_are_out_of_sight(root: Path) -> None:
    _, output = await shell(root, "for p in /proc/[0-9]*; do echo $p; done | wc -l")
    assert int(output) < 6


@isolated
async def test_mounts_end_with_the_process(root: Path) -> None:
    await shell(root, "true")
    assert str(root) not in Path("/proc/self/mountinfo").read_text()
    assert {f"/{entry.name}" for entry in root.iterdir()} <= {f"/{path.split('/')[1]}" for path in MOUNT_POINTS} | {
        f"/{Path(os.path.realpath('/usr/bin/env')).parts[1]}", "/root", "/opt", "/etc", "/work", "/home"
    }  # fmt: skip


@isolated
async def test_links_of_the_image_cannot_lead_a_mount_outside(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "trap").symlink_to(outside)
    (tmp_path / "volume").mkdir(mode=0o777)
    await shell(root, "true", binds=[Bind(str(tmp_path / "volume"), "/trap/deep")])
    assert not list(outside.iterdir())


async def test_missing_program_is_127_and_says_why(root: Path) -> None:
    code, output = await run(Spec(root=str(root), argv=["no-such-program"], env=ENVIRONMENT))
    assert code == 127
    assert output.decode() == 'exec: "no-such-program": executable file not found in $PATH\n'
    code, output = await run(Spec(root=str(root), argv=["/no/such"], env=ENVIRONMENT))
    assert code == 127
    assert "/no/such: no such file or directory" in output.decode()


async def test_sigterm_ends_the_whole_container(root: Path) -> None:
    spec = Spec(root=str(root), argv=["sh", "-c", "echo up; sleep 1000 & wait"], env=ENVIRONMENT)
    process = await spawn(spec, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) in (128 + signal.SIGKILL, 128 + signal.SIGTERM)
    assert await process.stdout.read() == b""


async def test_timeout_kills(root: Path) -> None:
    with pytest.raises(TimeoutError):
        await run(Spec(root=str(root), argv=["sleep", "1000"], env=ENVIRONMENT), timeout=0.5)


_names = st.sampled_from(["a", "b", "c", "..", ".", ""])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(_names, st.lists(_names, max_size=5), st.booleans()), max_size=4), st.lists(_names, max_size=6)
)
def test_a_resolved_path_never_leaves_the_root(links: list[tuple[str, list[str], bool]], parts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        (root / "a" / "b").mkdir(parents=True)
        for name, target, absolute in links:
            place = root / "a" / name if name in ("b", "c") else root / f"link-{name.replace('.', 'd')}"
            if not place.exists() and not place.is_symlink():
                place.symlink_to(("/" if absolute else "") + "/".join(target) or ".")
        for start in ("", "a", "link-a", "link-dd", "a/c"):
            try:
                found = inside(str(root), "/".join([start, *parts]))
            except OSError:
                continue  # a circle of links
            assert Path(found).resolve().is_relative_to(root.resolve())
