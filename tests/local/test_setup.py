"""Settings, ports, keys, the lock and the vendored pip."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from deploy.local import installation, pip
from deploy.local.commands import down, logs
from deploy.local.commands.env import kubeconfig
from deploy.local.errors import Refusal
from deploy.local.home import CHECKOUT, Home
from deploy.local.keys import load_keys
from deploy.local.ports import HOST, Ports, free_port
from deploy.local.settings import Settings, read_env_file


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:p@db/x"),
        ("DATABASE_URL", "postgres:///x"),
        ("DATABASE_URL", "postgres://h:notaport/x"),
        ("REDIS_URL", "localhost:6379"),
        ("SLIPWAY_SANDBOX", "maybe"),
        ("SLIPWAY_PORT", "0"),
        ("SLIPWAY_PORT", "99999"),
        ("SLIPWAY_PORT", "http"),
    ],
)
def test_bad_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(Refusal, match=name):
        Settings.read({name: value}, tmp_path / ".env")


def test_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nexport SLIPWAY_PORT=8100\nREDIS_URL='redis://r:6379/0'\nSLIPWAY_SANDBOX=off\n")
    settings = Settings.read({"SLIPWAY_PORT": "8200"}, file)
    assert (settings.port, settings.redis_url, settings.sandbox) == (8200, "redis://r:6379/0", False)
    file.write_text("SLIPWAY_PORT\n")
    with pytest.raises(Refusal, match=r"\.env, line 1"):
        Settings.read({}, file)


@given(st.text())
def test_env_file_with_anything_is_read_or_refused(text: str) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"slipway-env-{os.getpid()}"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        assert all(name.isidentifier() for name in read_env_file(path))
    except Refusal:
        pass
    finally:
        path.unlink()


def test_external_service_that_does_not_answer_is_refused() -> None:
    settings = Settings(database_url=f"postgres://u:p@127.0.0.1:{free_port()}/x")
    with pytest.raises(Refusal, match=r"DATABASE_URL names 127\.0\.0\.1:\d+, which does not answer"):
        settings.require_reachable()


def test_taken_port_is_replaced_and_the_choice_remembered(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        usual = taken.getsockname()[1]
        chosen = Ports(tmp_path / "ports").choose("web", usual, in_use_by_us=False)
        assert chosen != usual
        with pytest.raises(Refusal, match=f"port {usual} is taken"):
            Ports(tmp_path / "ports").choose("web", usual, in_use_by_us=False, demanded=usual)
    assert Ports(tmp_path / "ports").choose("web", usual, in_use_by_us=False) == chosen


def test_port_of_our_own_running_service_is_kept(tmp_path: Path) -> None:
    chosen = Ports(tmp_path / "ports").choose("web", free_port(), in_use_by_us=False)
    with socket.create_server((HOST, chosen)):
        assert Ports(tmp_path / "ports").choose("web", 1, in_use_by_us=True) == chosen
        assert Ports(tmp_path / "ports").choose("web", chosen, in_use_by_us=False) != chosen


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    keys = load_keys(tmp_path)
    assert load_keys(tmp_path) == keys
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    box = Fernet(keys.field_keys[0])
    assert box.decrypt(box.encrypt(b"x")) == b"x"
    (tmp_path / "keys.json").write_text('{"secret_key": "old"}')
    assert load_keys(tmp_path).secret_key == "old"
    assert load_keys(tmp_path) == load_keys(tmp_path)


def test_second_holder_of_the_lock_waits(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deploy.local.lock import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print(time.time(), flush=True); time.sleep(0.5); print(time.time(), flush=True)"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "lock")], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=20)[0] for run in runs]
    spans = sorted([float(line) for line in output.splitlines() if "…" not in line] for output in outputs)
    assert spans[0][1] <= spans[1][0]
    assert any("another ./slipway is at work" in output for output in outputs)


def test_vendored_pip_is_the_reviewed_wheel(tmp_path: Path) -> None:
    pip.check_wheel()
    with zipfile.ZipFile(pip.WHEEL) as wheel:
        assert any(name.endswith("licenses/LICENSE.txt") for name in wheel.namelist())
    changed = tmp_path / pip.WHEEL.name
    changed.write_bytes(pip.WHEEL.read_bytes() + b"x")
    with pytest.raises(Refusal, match="was changed"):
        pip.check_wheel(changed)


def test_pip_runs_from_the_wheel_and_falls_back_to_its_own_certificates(tmp_path: Path) -> None:
    bundled = "--use-deprecated=legacy-certs"
    bare = {"SSL_CERT_FILE": str(tmp_path / "none"), "SSL_CERT_DIR": str(tmp_path / "empty")}
    command = pip.command(Path(sys.executable), bare)
    assert bundled in command
    (tmp_path / "company.pem").touch()
    assert bundled not in pip.command(Path(sys.executable), bare | {"PIP_CERT": str(tmp_path / "company.pem")})
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("pip 26.3 from "), done.stderr


def test_script_without_python_says_so_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for program in ("dirname", "readlink"):
        found = subprocess.run(["which", program], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / program).symlink_to(found)
    done = subprocess.run(
        ["/bin/sh", str(CHECKOUT / "slipway"), "status"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ("slipway: no Python 3.11 or newer was found; install one, or name it in SLIPWAY_PYTHON\n")


def run_slipway(home: Home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CHECKOUT / "slipway"), *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "SLIPWAY_HOME": str(home.root), "SLIPWAY_PYTHON": sys.executable, **environment},
    )  # fmt: skip


def test_commands_before_the_first_up_say_what_to_do(home: Home) -> None:
    assert "./slipway up" in run_slipway(home, "status").stdout
    for arguments in (("env",), ("logs", "web"), ("reset",)):
        done = run_slipway(home, *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("slipway: ")
        assert done.stderr.count("\n") == 1


def test_bad_setting_ends_up_in_one_line(home: Home) -> None:
    done = run_slipway(home, "up", DATABASE_URL="oracle://x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "slipway: DATABASE_URL must look like postgres://USER:PASSWORD@HOST:PORT/NAME\n"


def test_reset_removes_data_and_keeps_what_is_installed(home: Home) -> None:
    load_keys(home.secrets)
    (home.data / "redis").mkdir()
    (home.venv / "bin").mkdir(parents=True)
    (home.sandbox / "scanners").mkdir(parents=True)
    (home.sandbox / "gitlab").mkdir()
    assert down.reset(home, confirmed=True) == 0
    assert home.venv.exists()
    assert [path.name for path in home.sandbox.iterdir()] == ["scanners"]
    assert not home.data.exists()
    assert not home.secrets.exists()


def test_logs_follow_a_rotated_file(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    path = home.logs / "web.log"
    path.write_text("old\nlast\n")
    followed = logs.Followed(path, "web ")
    followed.print_tail(1)
    with path.open("a") as file:
        file.write("next\nhalf")
    assert followed.print_new()
    path.write_text("x\n")
    assert followed.print_new()
    assert capsys.readouterr().out == "web last\nweb next\nweb x\n"


def test_what_env_prints_does_not_reach_the_services(tmp_path: Path) -> None:
    shell = {"SLIPWAY_TOKEN": "t", "SLIPWAY_URL": "http://x", "SLIPWAY_LOG_LEVEL": "DEBUG", "SLIPWAY_SANDBOX": "on"}
    assert Settings.read(shell, tmp_path / ".env").passed_on == {"SLIPWAY_LOG_LEVEL": "DEBUG"}


def test_kubeconfig_has_a_context_per_cluster(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("pem")
    clusters = {name: {"server": f"https://{name}", "token": f"{name}-token"} for name in ("north", "south")}
    content = kubeconfig(clusters, ca)
    assert [context["name"] for context in content["contexts"]] == ["north", "south"]
    assert content["current-context"] == "north"
    assert content["users"][1]["user"]["token"] == "south-token"


def test_uptime_is_readable() -> None:
    from deploy.local.commands.status import duration

    assert [duration(seconds) for seconds in (5, 65, 3700, 90_000)] == ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]


def test_named_environments_are_used_as_they_are(tmp_path: Path) -> None:
    named = {"SLIPWAY_VENV": str(tmp_path / "venv"), "SLIPWAY_SCANNERS": str(tmp_path / "scanners")}
    home = Home.locate({"SLIPWAY_HOME": str(tmp_path / "state"), **named})
    with pytest.raises(Refusal, match="SLIPWAY_VENV"):
        installation.ensure(home)
    with pytest.raises(Refusal, match="SLIPWAY_SCANNERS"):
        installation.ensure_scanners(home)
    for file in (tmp_path / "venv/bin/python", tmp_path / "scanners/slipway-requirements"):
        file.parent.mkdir(parents=True)
        file.touch()
    before = sorted(tmp_path.rglob("*"))
    installation.ensure(home, tests=True)
    installation.ensure_scanners(home)
    assert sorted(tmp_path.rglob("*")) == before
    assert home.python == tmp_path / "venv/bin/python"
