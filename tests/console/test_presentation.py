"""Numbers, differences, YAML and tags as pages show them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.console.gallery import STATUSES, examples
from apps.console.quantities import bytes_text, duration_text, initials
from apps.console.textdiff import diff_texts
from apps.console.tones import LOOKS, TONE_ICONS, look_of
from apps.console.yamlmarkup import mark_up_yaml

ROOT = Path(__file__).parents[2]
SPRITE = (ROOT / "static/vendor/icons.svg").read_text()


def show(source: str, **context: Any) -> str:
    return Template("{% load slipway %}" + source).render(Context(context))


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\N{EN DASH}"), (0, "0 s"), (0.42, "0.4 s"), (9.96, "10 s"), (59.4, "59 s"), (59.7, "1 m 00 s"), (185, "3 m 05 s"),
        (7800, "2 h 10 m"), (280_000, "3 d 5 h"), (timedelta(minutes=2), "2 m 00 s"), (-3, "0 s"),
    ],
)  # fmt: skip
def test_duration_has_the_units_that_matter(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1024**2 - 1, "1 MiB"), (128 * 1024**2, "128 MiB"), (None, "\N{EN DASH}")],
)  # fmt: skip
def test_size_is_in_binary_units(size: int | None, text: str) -> None:
    assert bytes_text(size) == text


@given(st.integers(min_value=0, max_value=2**60))
def test_size_never_needs_more_than_four_digits(size: int) -> None:
    assert len(bytes_text(size).split()[0]) <= 4


@pytest.mark.parametrize(("name", "text"), [("Lena Fischer", "LF"), ("wei.zhang", "wz"), ("root", "r"), ("", "")])
def test_initials_stand_for_a_person(name: str, text: str) -> None:
    assert initials(name) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")))
def test_yaml_keeps_every_character(text: str) -> None:
    shown = html.unescape(re.sub(r"</?span[^>]*>", "", mark_up_yaml(text)))
    assert shown == text.rstrip("\n")


def test_yaml_is_escaped_and_marked() -> None:
    shown = mark_up_yaml("image: <b>  # why\ncpu: 500m\non: true")
    assert "&lt;b&gt;" in shown
    assert '<span class="y-number">500m</span>' in shown
    assert '<span class="y-keyword">true</span>' in shown
    assert '# why</span>' in shown  # fmt: skip


lines = st.lists(st.sampled_from(["a", "b: 1", "b: 2", "", "  c"]), max_size=30).map("\n".join)


@given(lines, lines)
def test_difference_rebuilds_both_texts(before: str, after: str) -> None:
    diff = diff_texts(before, after, context=100)

    def side(without: str) -> list[str]:
        return ["".join(text for _, text in row.parts) for row in diff.rows if row.kind != without]

    if before.splitlines() == after.splitlines():
        assert diff.is_empty
        assert not diff.rows
    else:
        assert side("added") == before.splitlines()
        assert side("removed") == after.splitlines()


@given(lines, lines)
def test_difference_counts_every_line(before: str, after: str) -> None:
    diff = diff_texts(before, after)
    old = sum(row.count if row.kind == "skipped" else row.kind != "added" for row in diff.rows)
    assert diff.is_empty or old == len(before.splitlines())


def test_changed_words_are_marked_inside_the_line() -> None:
    removed, added = diff_texts("replicas: 2", "replicas: 3").rows
    assert (removed.parts, added.parts) == (
        ((False, "replicas: "), (True, "2")),
        ((False, "replicas: "), (True, "3")),
    )


def test_every_look_has_an_icon_and_a_tone() -> None:
    for tone, icon in LOOKS.values():
        assert tone in TONE_ICONS
        assert f'id="{icon}"' in SPRITE
    assert all(f'id="{icon}"' in SPRITE for icon in TONE_ICONS.values())


def test_every_icon_named_in_a_template_is_in_the_sprite() -> None:
    named = {
        name
        for template in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'{% icon "([a-z0-9-]+)"', template.read_text())
    }
    assert named
    assert {name for name in named if f'id="{name}"' not in SPRITE} == set()


def test_gallery_shows_every_status() -> None:
    assert {status for row in STATUSES for status in row} >= set(LOOKS) - {
        "waiting", "unknown", "ready", "healthy", "active", "passed", "warning", "failing", "maintenance",
    }  # fmt: skip


def test_unknown_status_is_neutral_and_shown() -> None:
    assert look_of("mysterious").tone == "neutral"
    assert words(show("{% status 'half_done' %}")) == "Half done"


def test_status_takes_a_row() -> None:
    row = SimpleNamespace(status="failed", get_status_display=lambda: "Fehlgeschlagen")
    shown = show("{% status row %}", row=row)
    assert "tone-red" in shown
    assert words(shown) == "Fehlgeschlagen"


def test_ago_is_relative_with_the_exact_moment() -> None:
    moment = timezone.now() - timedelta(hours=3)
    shown = show("{% ago moment %}", moment=moment)
    assert words(shown).replace("\xa0", " ") == "3 hours ago"
    assert moment.strftime("%Y-%m-%d %H:%M:%S") in shown
    assert words(show("{% ago moment %}", moment=None)) == "\N{EN DASH}"
    assert "in 2 days" in words(show("{% ago moment %}", moment=timezone.now() + timedelta(days=2, hours=1))).replace("\xa0", " ")  # fmt: skip


@pytest.mark.parametrize(
    ("count", "wanted", "tone", "lit", "marks"),
    [
        (3, 3, "green", 3, 3),
        (1, 3, "amber", 1, 3),
        (0, 3, "red", 0, 3),
        (0, 0, "neutral", 0, 0),
        (31, 40, "amber", 9, 12),
    ],
)
def test_ready_shows_a_mark_per_replica(count: int, wanted: int, tone: str, lit: int, marks: int) -> None:
    shown = show("{% ready count wanted %}", count=count, wanted=wanted)
    assert f"tone-{tone}" in shown
    assert (shown.count('class="on"'), shown.count("<i ")) == (lit, marks)
    assert f"{count} of {wanted} ready" in shown
    assert "tone-blue" in show("{% ready 1 3 'blue' %}")


def test_what_people_wrote_is_escaped_everywhere() -> None:
    evil = "<script>alert(1)</script>"
    shown = show(
        "{% status evil %}{% pill evil %}{% copy evil %}{% person evil %}{% short_sha evil %}{% yaml evil %}{% icon 'x' evil %}",
        evil=evil,
    )
    assert "<script" not in shown


class OneForm(forms.Form):
    memory = forms.CharField(help_text="512Mi", widget=forms.TextInput(attrs={"class": "wide"}))


def test_field_ties_label_help_and_error_to_its_control() -> None:
    shown = show("{% field form.memory unit='s' mono=True %}", form=OneForm({"memory": ""}))
    control = re.search(r"<input[^>]*>", shown)
    assert control is not None
    assert 'aria-describedby="id_memory_help id_memory_error"' in control[0]
    assert 'aria-invalid="true"' in control[0]
    assert 'class="wide mono"' in control[0]
    assert 'id="id_memory_error"' in shown
    assert 'for="id_memory"' in shown


def test_sorting_and_paging_keep_the_query() -> None:
    request = RequestFactory().get("/?q=a%26b&sort=number&page=3")
    context = {"request": request, "page": Paginator(range(200), 50).page(3)}
    assert 'href="?q=a%26b&amp;sort=-number"' in show("{% sort_header 'number' 'Build' %}", **context)
    assert 'aria-sort="ascending"' in show("{% sort_header 'number' 'Build' %}", **context)
    assert 'href="?q=a%26b&amp;sort=age"' in show("{% sort_header 'age' 'Age' %}", **context)
    pages = show("{% pagination page 'builds' %}", **context)
    assert "101\N{EN DASH}150 of 200 builds" in words(pages)
    assert 'href="?q=a%26b&amp;sort=number&amp;page=2"' in pages
    assert show("{% querystring_with q=None sort=None %}", **context) == "?"


def test_log_lines_lose_colours_and_gain_marks() -> None:
    shown = show(
        "{% for line in text|log_lines %}{{ line.text }}:{{ line.error }};{% endfor %}",
        text="ok\n\x1b[31mERROR no\x1b[0m",
    )
    assert shown == "ok:False;ERROR no:True;"


def test_gallery_has_no_inline_style_or_script() -> None:
    request = RequestFactory().get("/gallery/")
    request.user = SimpleNamespace(theme="dark", is_superuser=True)  # type: ignore[assignment]
    from django.template.loader import get_template

    shown = get_template("console/gallery.html").template.render(Context({**examples(), "request": request}))
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", shown)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", shown))
    assert 'data-theme="dark"' in shown
