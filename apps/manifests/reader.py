"""Read a JSON object field by field and keep every error, not just the first.

Each reading method returns a usable value whatever it finds, so that one run over a document reports everything that
is wrong with it. Keys that nobody asked for are errors too: a misspelt field must not be ignored.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from apps.integrations.kubernetes import quantity
from apps.manifests import fields
from apps.manifests.fields import FieldError

Choice = TypeVar("Choice", bound=StrEnum)
Made = TypeVar("Made")

MAX_TEXT = 32_768
MAX_ROWS = 200


class Reader:
    """One JSON object of the document, at `path`, writing to a list of errors shared by the whole document."""

    def __init__(self, value: Mapping[str, Any], path: str, errors: list[FieldError]) -> None:
        self._value = value
        self._path = path
        self._errors = errors
        self._seen: set[str] = set()

    def at(self, key: str) -> str:
        """Return the path of a field of this object."""
        return fields.join(self._path, key)

    def fail(self, key: str, code: str, **params: object) -> None:
        """Note an error at a field."""
        self.fail_at(self.at(key), code, **params)

    def fail_at(self, path: str, code: str, **params: object) -> None:
        """Note an error at a path inside a field that was read as one value."""
        self._errors.append(FieldError(path, code, params))

    def has(self, key: str) -> bool:
        """Tell whether the field is there with a value."""
        return self._value.get(key) is not None

    def take(self, key: str, wanted: type, *, required: bool = False) -> Any:
        """Return the raw value of a field when it has the wanted JSON type, else None."""
        self._seen.add(key)
        value = self._value.get(key)
        if value is None:
            if required:
                self.fail(key, "required")
            return None
        # True is an int for Python, and not for anybody else.
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            self.fail(key, "wrong_type", wanted=fields.type_name(wanted()), found=fields.type_name(value))
            return None
        return value

    def text(
        self,
        key: str,
        *,
        required: bool = False,
        pattern: re.Pattern[str] | None = None,
        code: str = "invalid",
        longest: int = 253,
    ) -> str | None:
        """Return a text that fits `pattern` as a whole; `code` names what is wrong when it does not."""
        value: str | None = self.take(key, str, required=required)
        if value is None or not self._is_text(self.at(key), value, longest):
            return None
        if pattern is not None and not pattern.fullmatch(value):
            self.fail(key, code, value=value)
            return None
        return value

    def integer(self, key: str, *, least: int, most: int, required: bool = False) -> int | None:
        """Return a whole number between two bounds."""
        value: int | None = self.take(key, int, required=required)
        if value is not None and not least <= value <= most:
            self.fail(key, "out_of_range", least=least, most=most)
            return None
        return value

    def number(self, key: str, *, default: int, least: int, most: int) -> int:
        """Return a whole number between two bounds, `default` when it is not given."""
        value = self.integer(key, least=least, most=most)
        return default if value is None else value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a yes or no, `default` when it is not given."""
        value = self.take(key, bool)
        return default if value is None else bool(value)

    def choice(self, key: str, choices: type[Choice], *, default: Choice | None = None) -> Choice | None:
        """Return a member of `choices`; without a default the field is required."""
        value = self.take(key, str, required=default is None)
        if value is None:
            return default
        if value not in list(choices):
            self.fail(key, "not_a_choice", choices=[str(member) for member in choices])
            return default
        return choices(value)

    def quantity(self, key: str) -> str | None:
        """Return a quantity of zero or more, in the spelling it was given in."""
        value = self.text(key, longest=64)
        if value is None:
            return None
        if not quantity.is_valid(value):
            self.fail(key, "not_a_quantity", value=value)
            return None
        if quantity.parse(value) < 0:
            self.fail(key, "negative", value=value)
            return None
        return value

    def count_or_percent(self, key: str, *, default: int | str) -> int | str:
        """Return a count such as ``1`` or a percentage such as ``25%``."""
        self._seen.add(key)
        value = self._value.get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
            return value
        if isinstance(value, str) and re.fullmatch(r"(?:\d{1,2}|100)%", value, re.ASCII):
            return value
        self.fail(key, "not_a_count_or_percent")
        return default

    def texts(self, key: str, *, longest: int = 4096) -> tuple[str, ...]:
        """Return a list of texts, such as a command and its arguments."""
        rows = self.take(key, list) or []
        good: list[str] = []
        for index, value in enumerate(rows[:MAX_ROWS]):
            if self._is_text(fields.join(self.at(key), index), value, longest):
                good.append(value)
        self._check_length(key, rows)
        return tuple(good)

    def table(self, key: str, pattern: re.Pattern[str], *, code: str, longest: int = MAX_TEXT) -> dict[str, str]:
        """Return an object of texts whose keys fit `pattern`."""
        rows = self.take(key, dict) or {}
        good: dict[str, str] = {}
        for name, value in rows.items():
            path = fields.join(self.at(key), name)
            if not pattern.fullmatch(name):
                self.fail_at(path, code, value=name)
            elif self._is_text(path, value, longest):
                good[name] = value
        return good

    def _is_text(self, path: str, value: object, longest: int) -> bool:
        if not isinstance(value, str):
            self.fail_at(path, "wrong_type", wanted="text", found=fields.type_name(value))
        elif not _storable(value):
            self.fail_at(path, "not_text")
        elif len(value) > longest:
            self.fail_at(path, "too_long", longest=longest)
        else:
            return True
        return False

    def section(self, key: str) -> "Reader":
        """Return a reader of the object in a field; an empty one when there is none."""
        return Reader(self.take(key, dict) or {}, self.at(key), self._errors)

    def read(self, key: str, make: "Callable[[Reader], Made]") -> Made | None:
        """Return what `make` reads from the object in a field and close it, None when the field is not there."""
        if not self.has(key):
            self._seen.add(key)
            return None
        reader = self.section(key)
        made = make(reader)
        reader.close()
        return made

    def rows(self, key: str, make: "Callable[[Reader], Made | None]") -> tuple[Made, ...]:
        """Return what `make` reads from each object of a list, leaving out the ones it could not read."""
        rows = self.take(key, list) or []
        good: list[Made] = []
        for index, value in enumerate(rows[:MAX_ROWS]):
            path = fields.join(self.at(key), index)
            if not isinstance(value, dict):
                self.fail_at(path, "wrong_type", wanted="object", found=fields.type_name(value))
                continue
            reader = Reader(value, path, self._errors)
            made = make(reader)
            reader.close()
            if made is not None:
                good.append(made)
        self._check_length(key, rows)
        return tuple(good)

    def _check_length(self, key: str, rows: list[Any]) -> None:
        if len(rows) > MAX_ROWS:
            self.fail(key, "too_many", most=MAX_ROWS)

    def close(self) -> None:
        """Note each key that was not read: a misspelt field, or one that does not belong here."""
        for key in self._value:
            if key not in self._seen:
                self.fail(key, "unknown_field")


def _storable(text: str) -> bool:
    """Tell whether `text` is Unicode that JSON, PostgreSQL and an environment can all hold."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
