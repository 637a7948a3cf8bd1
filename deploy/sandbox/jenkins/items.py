"""Jobs and folders on disk: `jobs/a/jobs/b/config.xml`, read anew each time, so a restart loses nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from . import definitions
from .builds import Build

UNSAFE = re.compile(r"[?*/\\%!@#$^&|<>\[\]:;\x00-\x1f\x7f]")


class BadName(ValueError):
    """A name that Jenkins refuses."""


class AlreadyExists(ValueError):
    """An item of that name is there already."""


class NoParent(LookupError):
    """The folder for the item is not there."""


@dataclass(frozen=True)
class Item:
    """One job or folder."""

    full_name: str
    folder: Path

    @property
    def name(self) -> str:
        """Return the last part of the full name."""
        return self.full_name.rpartition("/")[2]

    @property
    def path(self) -> str:
        """Return the path of its page, with a slash at the end and none before."""
        return "".join(f"job/{quote(part)}/" for part in self.full_name.split("/"))

    @property
    def xml(self) -> str:
        """Return config.xml as it was posted."""
        return (self.folder / "config.xml").read_text(encoding="utf-8")

    def definition(self) -> definitions.Definition:
        """Return what config.xml says."""
        return definitions.parse(self.xml)

    def configure(self, xml: str) -> None:
        """Replace config.xml.

        Raises:
            BadDefinition: it defines nothing that is known here.
        """
        definitions.parse(xml)
        partial = self.folder / "config.xml.new"
        partial.write_text(xml, encoding="utf-8")
        partial.replace(self.folder / "config.xml")

    def next_number(self) -> int:
        """Return the number that the next build will get."""
        try:
            return int((self.folder / "nextBuildNumber").read_text())
        except FileNotFoundError:
            return 1

    def take_number(self) -> int:
        """Return the next build's number and count on."""
        number = self.next_number()
        partial = self.folder / "nextBuildNumber.new"
        partial.write_text(str(number + 1))
        partial.replace(self.folder / "nextBuildNumber")
        return number

    def builds(self) -> list[Build]:
        """Return all builds, the newest first."""
        folders = self.folder / "builds"
        names = [entry.name for entry in folders.iterdir()] if folders.is_dir() else []
        numbers = sorted((int(name) for name in names if name.isdigit()), reverse=True)
        return [Build(self.full_name, number, self.folder / "builds" / str(number)) for number in numbers]

    def discard_old(self) -> None:
        """Remove ended builds beyond the number to keep, as the job's build discarder says."""
        if keep := self.definition().keep:
            for build in self.builds()[keep:]:
                if build.end is not None:
                    shutil.rmtree(build.folder)

    def build(self, number: int) -> Build | None:
        """Return one build, or None."""
        folder = self.folder / "builds" / str(number)
        return Build(self.full_name, number, folder) if folder.is_dir() else None


class Items:
    """All items below one folder of state."""

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / "jobs").mkdir(parents=True, exist_ok=True)

    def find(self, full_name: str) -> Item | None:
        """Return the item, or None."""
        parts = full_name.split("/")
        if any(_is_bad(part) for part in parts):
            return None
        folder = self._home.joinpath(*(piece for part in parts for piece in ("jobs", part)))
        return Item(full_name, folder) if (folder / "config.xml").exists() else None

    def children(self, parent: Item | None = None) -> list[Item]:
        """Return the items directly in a folder, or at the top."""
        folder = (parent.folder if parent else self._home) / "jobs"
        prefix = f"{parent.full_name}/" if parent else ""
        if not folder.is_dir():
            return []
        found = (self.find(prefix + entry.name) for entry in sorted(folder.iterdir()))
        return [item for item in found if item is not None]

    def walk(self, parent: Item | None = None) -> list[Item]:
        """Return all items at any depth."""
        return [item for child in self.children(parent) for item in (child, *self.walk(child))]

    def create(self, parent: str, name: str, xml: str) -> Item:
        """Create an item and return it.

        Raises:
            BadName: a name that Jenkins refuses.
            NoParent: the folder is not there, or is no folder.
            AlreadyExists: the name is taken.
            BadDefinition: the XML defines nothing that is known here.
        """
        if _is_bad(name):
            unsafe = UNSAFE.search(name)
            raise BadName(f"‘{unsafe.group()}’ is an unsafe character" if unsafe else f"‘{name}’ is not a name")  # noqa: RUF001 - Jenkins quotes so
        if parent:
            above = self.find(parent)
            if above is None or above.definition().kind != definitions.FOLDER:
                raise NoParent(parent)
        full_name = f"{parent}/{name}" if parent else name
        if self.find(full_name):
            raise AlreadyExists(f"A job already exists with the name ‘{name}’")  # noqa: RUF001
        definitions.parse(xml)
        folder = self._home.joinpath(*(piece for part in full_name.split("/") for piece in ("jobs", part)))
        folder.mkdir(parents=True, exist_ok=True)
        item = Item(full_name, folder)
        item.configure(xml)
        return item

    def delete(self, item: Item) -> None:
        """Remove an item with all that is below it."""
        (item.folder / "config.xml").unlink()  # first: what is half removed must not come back
        shutil.rmtree(item.folder)


def _is_bad(name: str) -> bool:
    return not name.strip() or name in (".", "..") or UNSAFE.search(name) is not None
