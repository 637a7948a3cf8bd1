r"""Variables and words of Dockerfile instructions.

`$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+text}` are replaced outside single quotes; `\` takes the meaning
from the next character; words end at spaces outside quotes. https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?::?(?P<operator>[-+])(?P<text>[^}]*))?\})")
_OPTION = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")


class WordsError(ValueError):
    """Quotes that do not end."""


def split(text: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """Return the words of an instruction's value, with variables replaced (None: left alone) and quotes removed.

    Raises:
        WordsError: a quote does not end.
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        match = _VARIABLE.match(text, position) if variables is not None and quote != "'" else None
        if match is not None:
            word = (word or "") + _value(match, variables or {})
            position = match.end()
            continue
        position += 1
        if character == "\\" and quote != "'" and position < len(text):
            following = text[position]
            position += 1
            kept = "\\" if quote and following not in '"\\$' else ""
            word = (word or "") + kept + following
        elif character in "'\"" and quote in ("", character):
            quote = "" if quote else character
            word = word or ""
        elif character.isspace() and not quote:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    if quote:
        raise WordsError(f"a {quote} quote does not end")
    return words if word is None else [*words, word]


def replace(text: str, variables: Mapping[str, str]) -> str:
    """Return one value (of WORKDIR, USER, FROM) as a single word.

    Raises:
        WordsError: a quote does not end.
    """
    return " ".join(split(text, variables))


def pairs(text: str, variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the NAME=VALUE pairs of ENV, ARG or LABEL; the old form `ENV NAME value` is one pair.

    Raises:
        WordsError: a quote does not end, or there is neither form.
    """
    first, _, rest = text.strip().partition(" ")
    if "=" not in first:
        if not rest.strip():
            raise WordsError(f"{first!r} has no value: NAME=VALUE is expected")
        return [(first, replace(rest, variables))]
    found = [word.partition("=") for word in split(text, variables)]
    for name, separator, _ in found:
        if not separator or not name:
            raise WordsError(f"{name!r} has no value: NAME=VALUE is expected")
    return [(name, value) for name, _, value in found]


def options(text: str) -> tuple[dict[str, list[str]], str]:
    """Return the leading `--name=value` options and the rest."""
    found: dict[str, list[str]] = {}
    while match := _OPTION.match(text):
        found.setdefault(match[1], []).append(match[2] or "")
        text = text[match.end() :]
    return found, text


def exec_form(text: str) -> list[str] | None:
    """Return the arguments of the exec form (a JSON array of strings), None where the text is not one."""
    if not text.lstrip().startswith("["):
        return None
    try:
        arguments = json.loads(text)
    except ValueError:
        return None
    return arguments if all(isinstance(argument, str) for argument in arguments) else None


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    value = variables.get(match["bare"] or match["name"], "")
    if match["operator"] == "-":
        return value or match["text"]
    if match["operator"] == "+":
        return match["text"] if value else ""
    return value
