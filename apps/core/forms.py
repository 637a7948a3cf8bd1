"""What the forms of all apps share: a service's refusal becomes the form's, so that nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from django import forms

from . import messages
from .errors import Conflict, InvalidInput, NotAllowed, NotFound, PlatformError, SlipwayError

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def attempt(
    form: forms.BaseForm, action: Callable[[], Result], *, conflict: str | None = None, inside: str | None = None
) -> Result | None:
    """Run a service on what the form holds; where it refuses, put its words at the form's fields and return None.

    `conflict` is the field that a Conflict is about (a short name that is taken); `inside` is the field whose text the
    paths of an InvalidInput lead into (a pasted document).

    Raises:
        NotFound, NotAllowed: these are about the person, not about what was typed.
    """
    try:
        return action()
    except (NotFound, NotAllowed):
        raise
    except SlipwayError as exc:
        if isinstance(exc, PlatformError):
            log.warning("form.platform_error", error=str(exc))
        add_refusal(form, exc, conflict=conflict, inside=inside)
        return None


def add_refusal(
    form: forms.BaseForm, exc: SlipwayError, *, conflict: str | None = None, inside: str | None = None
) -> None:
    """Put the words of a refusal where they belong: at the field they name, else above the form."""
    words = messages.word(exc.code, exc.params)
    sentence = " ".join(filter(None, [words.message, words.hint]))
    if isinstance(exc, Conflict) and conflict in form.fields:
        form.add_error(conflict, sentence)
        return
    if not isinstance(exc, InvalidInput) or not exc.fields:
        form.add_error(None, sentence)
        return
    for path, problems in exc.fields.items():
        texts = " ".join(str(problem) for problem in problems)
        if path in form.fields:
            form.add_error(path, texts)
        else:
            form.add_error(inside, texts if path in ("", "__all__") else f"{path}: {texts}")
