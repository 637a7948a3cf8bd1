"""The same processes as an ordinary user, in a plain chroot, and without any namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SCRIPT = """
import asyncio, sys, tempfile
from deploy.sandbox.isolation import DEFAULT_PATH, Bind, Spec, own, probe, run
print("mode", probe().mode.value, probe().network)
with tempfile.TemporaryDirectory() as folder:
    own(folder)
    env = {"PATH": DEFAULT_PATH}
    spec = Spec(root=folder, argv=["sh", "-c", "echo $((6*7)) > file; cat file; exit 3"], env=env, uid=0)
    print(asyncio.run(run(spec)))
    spec = Spec(root=folder, argv=["python3", "-c", "print('python')"], env=env, uid=0)
    print(asyncio.run(run(spec)))
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_usr_python = pytest.mark.skipif(not Path("/usr/bin/python3.11").exists(), reason="needs a Python 3.11 in /usr")


def _run(command: list[str], code: Path = PROJECT, **more: object) -> list[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= more.pop("extra", {})  # type: ignore[arg-type]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return list(done.stdout.splitlines())


def test_without_namespaces_it_runs_in_the_unpacked_root() -> None:
    lines = _run([sys.executable, "-c", SCRIPT], extra={"SLIPWAY_SANDBOX_ISOLATION": "none"})
    assert lines == ["mode none False", "(3, b'42\\n')", "(0, b'python\\n')"]


@pytest.mark.root
@needs_root
@needs_usr_python
def test_ordinary_user_works_with_user_namespaces(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005 and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    # The checkout may lie where only root may look.
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("samples", "__pycache__"))
    lines = _run(["/usr/bin/python3.11", "-c", SCRIPT], tmp_path, user=12345, group=12345, extra_groups=[])
    if lines[0] == "mode none False":
        pytest.skip("this machine refuses user namespaces")
    assert lines == ["mode user True", "(3, b'42\\n')", "(0, b'python\\n')"]


@pytest.mark.root
@needs_root
@needs_usr_python
def test_root_in_a_plain_chroot_has_mount_namespaces(tmp_path: Path) -> None:
    """A chroot refuses user namespaces and its root is no mount point; the mounts must not be seen outside either."""
    chroot = tmp_path / "chroot"
    for name in ("proc", "dev", "tmp", "project"):
        (chroot / name).mkdir(parents=True)
    mounted = [("/usr", "usr"), ("/etc", "etc"), ("/dev", "dev"), ("/proc", "proc")]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if Path("/", name).is_symlink():
            (chroot / name).symlink_to(Path("/", name).readlink())
        elif Path("/", name).is_dir():
            mounted.append((f"/{name}", name))
    shutil.copytree(PROJECT / "deploy", chroot / "project" / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    try:
        for source, name in mounted:
            (chroot / name).mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", source, str(chroot / name)], check=True)
        before = Path("/proc/self/mountinfo").read_text()
        command = ["/usr/sbin/chroot", str(chroot), "/usr/bin/python3.11", "-c", SCRIPT]
        lines = _run(command, extra={"PYTHONPATH": "/project"})
        assert Path("/proc/self/mountinfo").read_text() == before
    finally:
        for _, name in reversed(mounted):
            subprocess.run(["umount", "-l", str(chroot / name)], check=False)
    if lines[0] == "mode none False":
        pytest.skip("this machine refuses mount namespaces")
    assert lines == ["mode root True", "(3, b'42\\n')", "(0, b'python\\n')"]
