"""Runs the unmodified kubectl in a namespace of its own, also at a terminal and beside other commands."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shlex
import signal
import string
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from .case import Case

BINARY = Path(sys.executable).with_name("kubectl")
PATIENCE = 60.0


class Kubectl:
    """kubectl with one kubeconfig and one namespace."""

    def __init__(self, kubeconfig: str, home: Path, names: dict[str, str]) -> None:
        self.environment = {"KUBECONFIG": kubeconfig, "HOME": str(home), "PATH": "/usr/bin:/bin", "KUBE_EDITOR": "true"}
        self.names = names

    def command(self, arguments: str) -> list[str]:
        """Return the argument list of a line as it is typed."""
        filled = [string.Template(word).safe_substitute(self.names) for word in shlex.split(arguments)]
        return [str(BINARY), "--namespace", self.names["ns"], *filled]

    def run(self, arguments: str, *, text: str = "", code: int = 0, **environment: str) -> str:
        """Run a command to its end and return what it printed; fail where the exit code is another."""
        done = subprocess.run(
            self.command(arguments), env=self.environment | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            input=string.Template(text).safe_substitute(self.names), text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"$ kubectl {arguments}\n{done.stdout}[exit code {done.returncode}]"
        return done.stdout

    def play(self, cases: list[Case]) -> None:
        """Run the lines of a table in their order."""
        for case in cases:
            output = self.run(case.arguments, text=case.text, code=case.code)
            filled = case
            if isinstance(case.seen, str):
                filled = Case(case.arguments, string.Template(case.seen).safe_substitute(self.names))
            wanted = filled.seen if isinstance(filled.seen, str) else filled.seen.__name__
            assert filled.met_by(output), f"$ kubectl {case.arguments}\n{output}\nwanted: {wanted}"

    @contextlib.contextmanager
    def beside(self, arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command while others run; it is interrupted afterwards, where it has not ended."""
        with subprocess.Popen(
            self.command(arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)


class Terminal:
    """A command at a terminal of 30 lines and 100 columns."""

    def __init__(self, kubectl: Kubectl, arguments: str) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            command = kubectl.command(arguments)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.execve(command[0], command, kubectl.environment | {"TERM": "xterm"})
        self.seen = ""

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._fd, text.encode())

    def wait_for(self, text: str, timeout: float = 20.0) -> None:
        """Wait until a text is seen."""
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), f"it ended: {self.seen}"

    def ask(self, line: str, answer: str, timeout: float = 20.0) -> None:
        """Type a line again and again until the answer is seen: the size of a terminal comes a moment after its streams."""
        deadline = time.monotonic() + timeout
        while answer not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self.type(line)
            pause = time.monotonic() + 1
            while answer not in self.seen and time.monotonic() < pause:
                self._read()

    def exit_code(self, timeout: float = 20.0) -> int:
        """Wait for the end and return the exit code."""
        deadline = time.monotonic() + timeout
        while self._read():
            assert time.monotonic() < deadline, self.seen
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 0.2)[0]:
            return True
        try:
            chunk = os.read(self._fd, 4096)
        except OSError:  # its last process is gone
            return False
        self.seen += chunk.decode(errors="replace")
        return bool(chunk)
