"""Every error Slipway raises on purpose: a code and parameters, never a sentence.

Words and hints live in `messages.py`, so that one error reads well on a page, in the API and in another language.
`UserError`: the caller can act; shown, not logged as an error, never retried. `PlatformError`: we must act.
A failed build or rollout is an outcome stored on its row, not an exception. Plain Python: integrations raise these too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class SlipwayError(Exception):
    """Base of all. `code` is stable and may be matched by programs; `params` fill the words."""

    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params: dict[str, Any] = params

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({shown})"


class UserError(SlipwayError):
    """The caller can act on it."""

    http_status = 400


class InvalidInput(UserError):
    """Input that cannot be used; `fields` maps a field's path to its problems (each a sentence or code)."""

    def __init__(
        self, code: str = "input.invalid", *, fields: Mapping[str, Sequence[Any]] | None = None, **params: Any
    ) -> None:
        super().__init__(code, **params)
        self.fields: dict[str, list[Any]] = {name: list(problems) for name, problems in (fields or {}).items()}


class NotAllowed(UserError):
    """The caller sees the object but may not do this."""

    http_status = 403


class NotFound(UserError):
    """No such object, or the caller may not know of it."""

    http_status = 404


class Conflict(UserError):
    """Somebody or something else got there first."""

    http_status = 409


class IllegalTransition(Conflict):
    """A status may not become that one."""


class Blocked(Conflict):
    """Preconditions are not met; `blockers` says which, each as (code, params)."""

    def __init__(self, code: str, *, blockers: Sequence[tuple[str, dict[str, Any]]], **params: Any) -> None:
        super().__init__(code, **params)
        self.blockers = list(blockers)


class PlatformError(SlipwayError):
    """We must act: logged with its traceback, shown in general words with the request id."""

    http_status = 500


class Misconfigured(PlatformError):
    """A setting or connection is missing or wrong."""
