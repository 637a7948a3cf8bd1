"""The library's resources as a build sees them, a real repository, and stages run as Jenkins runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RESOURCES = Path(__file__).resolve().parents[2] / "jenkins-library" / "resources"


def git(*arguments: str, cwd: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Zoë Ada", "GIT_AUTHOR_EMAIL": "zoe@example.org",
        "GIT_COMMITTER_NAME": "Zoë Ada", "GIT_COMMITTER_EMAIL": "zoe@example.org",
    }  # fmt: skip
    result = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return result.stdout.strip()


def make_repository(folder: Path, files: dict[str, str], message: str = 'Say "hello", politely') -> str:
    """Create a bare repository with one commit and return the commit's id."""
    work = folder.parent / f"{folder.name}.work"
    work.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "--message", message, cwd=work)
    git("clone", "--quiet", "--bare", str(work), str(folder), cwd=work)
    return git("rev-parse", "HEAD", cwd=work)


@dataclass
class Agent:
    """One build's workspace on an agent whose PATH has only what a test puts there, and the system's programs."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True)
        self.programs.mkdir()
        self.program("python3", f'exec "{Path(sys.executable).resolve()}" "$@"')
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SLIPWAY_LIBRARY": str(RESOURCES),
            "SLIPWAY_WORK": str(self.work),
            "SLIPWAY_BUILD_ID": "0b6f1c1e-7a52-4a53-9d0c-2f8c2f5a8a11",
            "JOB_NAME": "demo/storefront",
            "BUILD_NUMBER": "7",
            "BUILD_URL": "https://jenkins.example.org/job/demo/job/storefront/7/",
        }

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    def program(self, name: str, script: str) -> Path:
        """Put a shell script on the agent's PATH."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def stage(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one stage script."""
        return self.run("sh", str(RESOURCES / "stages" / f"{name}.sh"), **variables)

    def note(self, name: str, status: str, detail: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Note a stage's begin or end, as the entry does."""
        return self.run("python3", str(RESOURCES / "stage.py"), name, status, detail, **variables)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "agent with a space")
