"""YAML with its keys, strings, numbers and comments marked for the eye, escaped for the page."""

from __future__ import annotations

import re

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_LINE = re.compile(
    r"""^(?P<indent>[ ]*(?:-[ ]+)*)
        (?:(?P<key>"[^"]*"|'[^']*'|[^\s\#"'{\[][^\#:]*?)(?P<colon>:)(?=\s|$))?
        (?P<gap>\s*)
        (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\#]*?(?:\S\#[^\#]*?)*)
        (?P<comment>(?:(?<=\s)|^)\s*\#.*|\s*)$""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"-?\d[\d_.]*(?:[eE][+-]?\d+)?(?:m|Ki|Mi|Gi|Ti|k|M|G|T|s|%)?")
_KEYWORD = re.compile(r"true|false|null|~|\||>|[|>][+-]|---|\{\}|\[\]")


def _value(text: str) -> SafeString:
    if not text:
        return SafeString("")
    if _NUMBER.fullmatch(text):
        kind = "number"
    elif _KEYWORD.fullmatch(text):
        kind = "keyword"
    else:
        kind = "string"
    return format_html('<span class="y-{}">{}</span>', kind, text)


def _line(line: str) -> SafeString:
    match = _LINE.match(line)
    if match is None:
        return format_html("{}", line)
    key = format_html('<span class="y-key">{}</span>{}', match["key"], match["colon"]) if match["key"] else ""
    comment = match["comment"]
    if comment.strip():
        comment = format_html('<span class="y-comment">{}</span>', comment)
    return format_html("{}{}{}{}{}", match["indent"], key, match["gap"], _value(match["value"]), comment)


def mark_up_yaml(text: str) -> SafeString:
    """Return the text as HTML; every character of it stays, in order."""
    return format_html_join("\n", "{}", ((_line(line),) for line in text.rstrip("\n").split("\n")))
