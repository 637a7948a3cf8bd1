"""What an image says about how it is run, and how instructions change it.

https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import copy
import posixpath
import re
from typing import Any

from deploy.sandbox.isolation import DEFAULT_PATH

from . import words
from .dockerfile import Instruction
from .errors import BuildError

SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")


class Configuration:
    """The `config` of an image in the making."""

    def __init__(self, base: dict[str, Any]) -> None:
        self._config = copy.deepcopy(base)
        self.env: dict[str, str] = dict(item.partition("=")[::2] for item in base.get("Env") or [])
        self.env.setdefault("PATH", DEFAULT_PATH)
        self._command_is_ours = False

    @property
    def working_folder(self) -> str:
        """Return the folder in which commands run."""
        return self._config.get("WorkingDir") or "/"

    @property
    def shell(self) -> list[str]:
        """Return the program of shell-form commands."""
        return self._config.get("Shell") or SHELL

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels."""
        labels: dict[str, str] = self._config.get("Labels") or {}
        return labels

    def as_json(self) -> dict[str, Any]:
        """Return the finished `config`."""
        return {**self._config, "Env": [f"{name}={value}" for name, value in self.env.items()]}

    def command_line(self, text: str) -> list[str]:
        """Return the arguments for RUN, CMD or ENTRYPOINT in exec or shell form."""
        return words.exec_form(text) or [*self.shell, text.strip()]

    def label(self, name: str, value: str) -> None:
        """Set a label."""
        self._config["Labels"] = {**self.labels, name: value}

    def apply(self, instruction: Instruction, variables: dict[str, str]) -> None:
        """Apply an instruction that changes nothing but the configuration.

        Raises:
            BuildError: its value makes no sense.
        """
        try:
            getattr(self, f"_{instruction.name.lower()}")(instruction.value, variables)
        except (words.WordsError, ValueError) as exc:
            raise BuildError(f"{instruction.name}: {exc}", line=instruction.line) from exc

    def _env(self, value: str, variables: dict[str, str]) -> None:
        self.env.update(words.pairs(value, variables))

    def _label(self, value: str, variables: dict[str, str]) -> None:
        for name, text in words.pairs(value, variables):
            self.label(name, text)

    def _maintainer(self, value: str, _: dict[str, str]) -> None:
        self.label("org.opencontainers.image.authors", value.strip())

    def _workdir(self, value: str, variables: dict[str, str]) -> None:
        self._config["WorkingDir"] = posixpath.normpath(
            posixpath.join(self.working_folder, words.replace(value, variables))
        )

    def _user(self, value: str, variables: dict[str, str]) -> None:
        self._config["User"] = words.replace(value, variables)

    def _stopsignal(self, value: str, variables: dict[str, str]) -> None:
        self._config["StopSignal"] = words.replace(value, variables)

    def _shell(self, value: str, _: dict[str, str]) -> None:
        arguments = words.exec_form(value)
        if not arguments:
            raise ValueError("requires the exec form: a JSON array of strings")
        self._config["Shell"] = arguments

    def _volume(self, value: str, variables: dict[str, str]) -> None:
        paths = words.exec_form(value) or words.split(value, variables)
        self._config["Volumes"] = {**(self._config.get("Volumes") or {}), **{path: {} for path in paths}}

    def _expose(self, value: str, variables: dict[str, str]) -> None:
        ports = dict(self._config.get("ExposedPorts") or {})
        for word in words.split(value, variables):
            match = _PORT.fullmatch(word)
            if match is None or int(match[2] or match[1]) > 65535:
                raise ValueError(f"invalid port {word!r}")
            ports |= {f"{port}/{match[3] or 'tcp'}": {} for port in range(int(match[1]), int(match[2] or match[1]) + 1)}
        self._config["ExposedPorts"] = ports

    def _cmd(self, value: str, _: dict[str, str]) -> None:
        self._config["Cmd"] = self.command_line(value)
        self._command_is_ours = True

    def _entrypoint(self, value: str, _: dict[str, str]) -> None:
        self._config["Entrypoint"] = self.command_line(value)
        if not self._command_is_ours:  # a base image's CMD was meant for the base image's ENTRYPOINT
            self._config["Cmd"] = []
