"""Which images the contract's pods run: `SLIPWAY_TEST_IMAGES`, read generously.

    busybox:1.36                                          one image with a shell is enough
    shell=registry.example/tools/busybox:1.36, missing=registry.example/tools/nothing:1
    {"shell": "…", "missing": "…", "denied": "…"}         the same as JSON

`shell` is any image with `/bin/sh`, `cat` and `sleep`: what the tests run in it is a command of their own. `missing` is
one that its registry says it does not have, `denied` one that it wants credentials for; without them these two causes
are not ground. Other names are further images that may have a shell: the first that has one is taken.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

DEFAULT = "docker.io/library/busybox:1.36"
# Nothing listens there on any node: a pull is refused at once, and needs no network.
UNREACHABLE = "127.0.0.1:1/contract/unreachable:1"
_NEVER_A_SHELL = ("missing", "denied")
# Images that are named for what is wrong with them are tried last.
_DOUBTFUL = re.compile(r"crash|oom|leak|broken|bad|fail", re.IGNORECASE)
_PAIR = re.compile(r"(?P<role>[A-Za-z][\w-]*)=(?P<image>\S+)")


@dataclass(frozen=True)
class Images:
    """The images, by what they are good for; `shells` in the order to try them."""

    shells: tuple[str, ...]
    missing: str = ""
    denied: str = ""

    @classmethod
    def parse(cls, text: str) -> Images:
        """Return what a text names.

        Raises:
            ValueError: it names no image that could have a shell.
        """
        named = _json(text) if text.lstrip().startswith(("{", "[")) else _words(text)
        roles = dict(named)
        candidates = [(role, image) for role, image in named if role not in _NEVER_A_SHELL]
        if not candidates and any(roles.values()):
            raise ValueError("SLIPWAY_TEST_IMAGES names no image with a shell: shell=<image>")
        ordered = sorted(candidates, key=lambda pair: (pair[0] != "shell", bool(_DOUBTFUL.search(" ".join(pair)))))
        shells = tuple(dict.fromkeys(image for _, image in ordered)) or (DEFAULT,)
        return cls(shells, roles.get("missing", ""), roles.get("denied", ""))


def _json(text: str) -> list[tuple[str, str]]:
    content = json.loads(text)
    if isinstance(content, dict):
        return [(str(role), str(image)) for role, image in content.items()]
    return [("", str(image)) for image in content]


def _words(text: str) -> list[tuple[str, str]]:
    found = []
    for word in re.split(r"[,;\s]+", text.strip()):
        if pair := _PAIR.fullmatch(word):
            found.append((pair["role"], pair["image"]))
        elif word:
            found.append(("", word))
    return found
