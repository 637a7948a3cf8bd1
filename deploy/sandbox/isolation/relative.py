"""Run without any namespace: the image's absolute paths are turned into paths below the unpacked root.

This is only for machines that refuse every namespace. Nothing is isolated; `./slipway check` says so.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .spec import Spec
from .userland import PYTHON_FOLDER, inside, python_prefix


def translate(spec: Spec) -> tuple[list[str], dict[str, str], str]:
    """Return the arguments, environment and working folder of `spec` as the machine sees them, with its binds linked into place."""
    for bind in spec.binds:
        _link(spec.root, bind.source, bind.target)
    env = {name: ":".join(_place(spec.root, part) for part in value.split(":")) for name, value in spec.env.items()}
    env["PATH"] = f"{env.get('PATH', '')}:{Path(sys.executable).parent}:{os.defpath}"
    argv = [_place(spec.root, argument) for argument in spec.argv]
    return argv, env, inside(spec.root, spec.cwd)


def _place(root: str, text: str) -> str:
    """Return where an absolute path of the image lies; any other text is left as it is."""
    if not text.startswith("/"):
        return text
    if text == PYTHON_FOLDER or text.startswith(PYTHON_FOLDER + "/"):
        return python_prefix() + text[len(PYTHON_FOLDER) :]
    place = Path(root + text)
    return str(place) if place.exists() or place.is_symlink() else text


def _link(root: str, source: str, target: str) -> None:
    place = Path(inside(root, str(Path(target).parent))) / Path(target).name
    if place.is_symlink() and str(place.readlink()) == source:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    place.symlink_to(source)
