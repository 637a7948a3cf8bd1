"""The tags of the design system; docs/design-system.md shows each of them in use.

For example `{% load slipway %}{% status build %} {% ago build.created_at %} {% short_digest build.digest %}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BoundField
from django.forms.widgets import CheckboxInput
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from apps.console.quantities import NOTHING, bytes_text, duration_text, initials, short_digest_text, short_sha_text
from apps.console.textdiff import TextDiff, diff_texts
from apps.console.tones import ENVIRONMENT_ICONS, MESSAGE_TONES, TONE_ICONS, look_of
from apps.console.yamlmarkup import mark_up_yaml

register = template.Library()

_JUST_NOW = timedelta(seconds=10)
_SPARKLINE_WIDTH, _SPARKLINE_HEIGHT = 72, 20
_MOST_READY_MARKS = 12
# The same two patterns as in static/slipway/js/logs.js.
_TERMINAL_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_LOOKS_LIKE_ERROR = re.compile(
    r"\b(error|fatal|panic|traceback|exception|critical|segfault|oomkilled)\b", re.IGNORECASE
)


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Show an icon of the sprite; without a label it is decoration and screen readers skip it."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    classes = " ".join(filter(None, ["icon", css, "spin" if name == "loader-circle" else ""]))
    sprite = static("vendor/icons.svg")
    return format_html('<svg class="{}" {}><use href="{}#{}"/></svg>', classes, spoken, sprite, name)


@register.simple_tag
def status(thing: Any, label: str = "") -> SafeString:
    """Show the pill of a status: a Lifecycle row, or the bare word with its label."""
    word = thing if isinstance(thing, str) else thing.status
    text = label or (thing.replace("_", " ").capitalize() if isinstance(thing, str) else thing.get_status_display())
    look = look_of(word)
    return format_html('<span class="pill tone-{}">{}{}</span>', look.tone, icon(look.icon), text)


@register.simple_tag
def pill(text: str, tone: str = "neutral", shape: str = "") -> SafeString:
    """Show a pill for what is no status: any words, tone and icon."""
    return format_html('<span class="pill tone-{}">{}{}</span>', tone, icon(shape or TONE_ICONS[tone]), text)


@register.filter
def tone(value: Any) -> str:
    """Return the tone of a status, for classes: `tone-{{ build|tone }}`."""
    return look_of(value if isinstance(value, str) else value.status).tone


@register.filter
def shape(value: Any) -> str:
    """Return the icon of a status."""
    return look_of(value if isinstance(value, str) else value.status).icon


@register.filter
def message_tone(level_tag: str) -> str:
    """Return the tone of a message of Django's messages framework."""
    return MESSAGE_TONES.get(level_tag, "neutral")


@register.filter
def tone_icon(name: str) -> str:
    """Return the icon that stands for a tone where nothing more exact is known."""
    return TONE_ICONS.get(name, "info")


@register.simple_tag
def environment(env: Any) -> SafeString:
    """Show the badge of an environment; the stage decides the look, so production is the same in every project."""
    stage = env if isinstance(env, str) else env.stage
    name = env.capitalize() if isinstance(env, str) else env.name
    mark = icon(ENVIRONMENT_ICONS.get(stage, "layers"))
    return format_html('<span class="env env-{}">{}{}</span>', stage, mark, name)


@register.simple_tag
def ago(moment: datetime | None, empty: str = NOTHING) -> SafeString:
    """Show a moment relative to now, with the exact one on hover; ago.js keeps it true and uses the person's zone."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    distance = timezone.now() - moment
    if abs(distance) < _JUST_NOW:
        text = _("just now")
    elif distance > timedelta(0):
        text = _("{time} ago").format(time=timesince(moment, depth=1))
    else:
        text = _("in {time}").format(time=timeuntil(moment, depth=1))
    exact = date_format(timezone.localtime(moment), "Y-m-d H:i:s T")
    iso = moment.isoformat(timespec="seconds")
    return format_html('<time class="nowrap" datetime="{}" title="{}" data-ago>{}</time>', iso, exact, text)


@register.simple_tag
def duration(start: Any, end: datetime | None = None, *, running: bool = False) -> SafeString:
    """Show how long something took: seconds, a timedelta, or from one moment to another.

    `running=True` counts on in the page from `start` until a fragment says otherwise.
    """
    if not isinstance(start, datetime):
        return format_html('<span class="nowrap">{}</span>', duration_text(start))
    text = duration_text((end or timezone.now()) - start)
    if running and end is None:
        return format_html('<time class="nowrap" data-since="{}">{}</time>', start.isoformat(timespec="seconds"), text)
    return format_html('<span class="nowrap">{}</span>', text)


@register.filter(name="bytes")
def bytes_filter(value: float | None) -> str:
    """Return a size in words: `{{ pod.memory|bytes }}`."""
    return bytes_text(value)


@register.simple_tag(name="bytes")
def bytes_tag(value: float | None) -> str:
    """Show a size: `{% bytes pod.memory %}`."""
    return bytes_text(value)


@register.simple_tag
def copy(text: str, shown: str = "", what: str = "", *, href: str = "", mono: bool = True) -> SafeString:
    """Show a text with a button that copies the whole of it."""
    body = format_html("<code>{}</code>" if mono else "<span>{}</span>", shown or text)
    if href:
        body = format_html('<a href="{}">{}</a>', href, body)
    label = _("Copy {what}").format(what=what) if what else _("Copy")
    return format_html(
        '<span class="copy" title="{}">{}<button type="button" class="copy-button" data-copy="{}" data-done="{}"'
        ' aria-label="{}">{}</button></span>',
        text, body, text, _("Copied"), label, icon("copy"),
    )  # fmt: skip


@register.simple_tag
def short_sha(sha: str, href: str = "") -> SafeString:
    """Show a commit shortened, with a copy button for all of it."""
    if sha:
        return copy(sha, short_sha_text(sha), _("commit"), href=href)
    return format_html('<span class="muted">{}</span>', NOTHING)


@register.simple_tag
def short_digest(digest: str, href: str = "") -> SafeString:
    """Show a digest shortened, with a copy button for all of it."""
    if not digest:
        return format_html('<span class="muted">{}</span>', NOTHING)
    return copy(digest, short_digest_text(digest), _("digest"), href=href)


@register.simple_tag
def person(user: Any, kept: str = "") -> SafeString:
    """Show who it was: initials and name, the sign-in name as title.

    Takes a user, None with the name that was kept as text where the account is gone, or such a text alone.
    """
    name = str(user or kept or _("Slipway"))
    login = getattr(user, "username", "")
    return format_html(
        '<span class="person"{}><span class="avatar" aria-hidden="true">{}</span>{}</span>',
        format_html(' title="{}"', login) if login and login != name else "",
        initials(name),
        name,
    )


@register.filter(name="initials")
def initials_filter(user: Any) -> str:
    """Return up to two letters that stand for a person."""
    return initials(str(user))


@register.simple_tag
def ready(count: int, wanted: int, tone: str = "") -> SafeString:
    """Show `n of m ready` with a mark per replica (a share of twelve where there are more)."""
    if not tone:
        tone = "green" if count >= wanted > 0 else "red" if count == 0 and wanted else "amber" if wanted else "neutral"
    marks = wanted if wanted <= _MOST_READY_MARKS else _MOST_READY_MARKS
    lit = count if wanted <= _MOST_READY_MARKS else count * _MOST_READY_MARKS // wanted
    bars = format_html_join("", '<i class="{}"></i>', (("on" if i < lit else "",) for i in range(marks)))
    words = _("{count} of {wanted} ready").format(count=count, wanted=wanted)
    return format_html(
        '<span class="ready tone-{}" title="{}"><span class="ready-bar" aria-hidden="true">{}</span>'
        '<span aria-hidden="true">{}/{}</span><span class="visually-hidden">{}</span></span>',
        tone, words, bars, count, wanted, words,
    )  # fmt: skip


@register.simple_tag
def sparkline(values: Sequence[float], label: str) -> SafeString:
    """Draw a small line of numbers; the label says for screen readers what it shows."""
    top = max(values, default=0) or 1
    step = _SPARKLINE_WIDTH / max(len(values) - 1, 1)
    points = " ".join(
        f"{index * step:.1f},{_SPARKLINE_HEIGHT - 1 - value / top * (_SPARKLINE_HEIGHT - 2):.1f}"
        for index, value in enumerate(values)
    )
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" role="img" aria-label="{}"><polyline points="{}"/></svg>',
        _SPARKLINE_WIDTH, _SPARKLINE_HEIGHT, label, points,
    )  # fmt: skip


@register.filter
def log_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log for the page: without terminal colours, those that look like errors marked."""
    return [
        {"text": line, "error": bool(_LOOKS_LIKE_ERROR.search(line))}
        for line in _TERMINAL_ESCAPES.sub("", text).splitlines()
    ]


@register.simple_tag
def yaml(text: str) -> SafeString:
    """Return YAML with its parts marked, for inside `<pre><code>`."""
    return mark_up_yaml(text)


@register.simple_tag
def diff(before: str, after: str) -> TextDiff:
    """Compare two texts: `{% diff old new as changes %}`, then include components/diff.html with diff=changes."""
    return diff_texts(before, after)


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, unit: str = "", mono: bool = False, help: str = "") -> dict[str, Any]:
    """Show a form field with its label, unit, help and errors, tied together for screen readers."""
    help_text = help or bound.help_text
    described = [f"{bound.auto_id}_help"] if help_text else []
    described += [f"{bound.auto_id}_error"] if bound.errors else []
    attributes: dict[str, Any] = {"class": " ".join(filter(None, [bound.css_classes(), "mono" if mono else ""]))}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    attributes = {name: value for name, value in attributes.items() if value}
    widget = bound.field.widget
    given = widget.attrs.get("class")
    if given and "class" in attributes:
        attributes["class"] = f"{given} {attributes['class']}"
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attributes),
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": bound.use_fieldset,
        "help_text": help_text,
        "unit": unit,
    }


@register.simple_tag(takes_context=True)
def querystring_with(context: Mapping[str, Any], **changes: Any) -> str:
    """Return the present query with some parameters changed (`None` drops one); a changed filter forgets the page."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(context: Mapping[str, Any], key: str, label: str, css: str = "", default: str = "") -> dict[str, Any]:
    """Show a column head that sorts by `key` (`?sort=key`, `?sort=-key`) and keeps the rest of the query.

    `default` is the sort that the view uses when the query has none.
    """
    request: HttpRequest = context["request"]
    present = request.GET.get("sort") or default
    direction = {key: "ascending", f"-{key}": "descending"}.get(present, "")
    following = f"-{key}" if direction == "ascending" else key
    url = querystring_with(context, sort=following)
    return {"label": label, "css": css, "direction": direction, "url": url}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: Mapping[str, Any], page: Page[Any], noun: str = "") -> dict[str, Any]:
    """Show where in a list one is, with links to its neighbours; keeps the query."""
    return {
        "page": page,
        "noun": noun,
        "previous": querystring_with(context, page=page.previous_page_number()) if page.has_previous() else "",
        "next": querystring_with(context, page=page.next_page_number()) if page.has_next() else "",
    }
