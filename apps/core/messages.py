"""The words for every error and cause code: a message and a hint, translated when they are read.

Each app adds its own with `register` in its `messages.py`, so that a code and its words are found together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Words:
    """What to say: what happened, and the way out."""

    message: str
    hint: str = ""


Parts = Callable[[Mapping[str, Any]], Mapping[str, str]]

_catalogue: dict[str, tuple[Text, Text]] = {}
_parts: dict[str, Parts] = {}


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def register(entries: Mapping[str, tuple[Text, Text]]) -> None:
    """Add words: code → (message, hint), with `{name}` for parameters.

    Raises:
        ValueError: a code already has other words.

    """
    for code, words in entries.items():
        if code in _catalogue:
            raise ValueError(f"{code} already has words")
        _catalogue[code] = words


def register_parts(entries: Mapping[str, Parts]) -> None:
    """Add what words parts of a sentence from parameters that a template cannot hold, such as a list of reasons."""
    _parts.update(entries)


def word(code: str, params: Mapping[str, Any] | None = None) -> Words:
    """Return the words for a code in the present language. An unknown code is shown itself, never hidden."""
    message, hint = _catalogue.get(code, (code, ""))
    values = _Missing(params or {})
    if code in _parts:
        values.update(_parts[code](values))
    return Words(str(message).format_map(values).strip(), str(hint).format_map(values).strip())


def known_codes() -> frozenset[str]:
    """Return every code that has words."""
    return frozenset(_catalogue)


register(
    {
        "platform.step_too_long": (_("A tool answered so slowly that this step was cut off; it is tried again."), _("See whether the tool is overloaded.")),
        "platform.crashed": (_("Something broke inside Slipway."), _("Try again; if it stays, give the reference to your administrator.")),
        "input.invalid": (_("Some of the input cannot be used."), _("Mend the marked fields and send it again; nothing was saved.")),
        "auth.required": (_("You are not signed in, or the token is not valid (any more)."), _("Sign in, or send a valid API token as `Authorization: Bearer …`.")),
        "auth.forbidden": (_("You may not do this."), _("Ask an owner of the project for a role that allows it; what stands above projects is for platform administrators.")),
        "auth.csrf": (_("This form is too old to be sent: you signed in again since, or cookies are blocked."), _("Go back, reload the page and send it again.")),
        "auth.scope": (_("This token may not do that: it lacks the scope “{scope}”."), _("Make a token with that scope.")),
        "object.missing": (_("There is no such thing here, or you may not see it."), _("Check the address; ask to be made a member of the project.")),
        "request.form_only": (_("Only a button of a page leads here, and it was not pressed now."), _("Open the page and press it again; nothing was done.")),
        "request.method": (_("This address does not take that method."), ""),
        "request.not_acceptable": (_("Slipway answers JSON here."), _("Send `Accept: application/json`.")),
        "request.media_type": (_("Slipway reads JSON here."), _("Send `Content-Type: application/json`.")),
        "request.throttled": (_("Too many requests."), _("Wait a little; `Retry-After` says how long.")),
        "request.refused": (_("The request was refused: {reason}"), ""),
        "lifecycle.illegal": (_("A {noun} that is {old} cannot become {new}."), _("Reload the page: somebody else was quicker.")),
        "fields.undecryptable": (_("A stored credential cannot be decrypted ({model}.{field})."), _("Put the key it was encrypted with back into SLIPWAY_FIELD_KEYS.")),
    }
)  # fmt: skip
