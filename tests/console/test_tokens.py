"""The colours of both themes keep WCAG AA, and the style sheets keep to the tokens and to their size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "slipway" / "css"
TONES = ("neutral", "blue", "green", "amber", "red", "violet")
Colours = dict[str, str]


def _declared(block: str) -> Colours:
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})\b", block))


def _themes() -> tuple[Colours, Colours, Colours]:
    text = (CSS / "tokens.css").read_text()
    light, rest = text.split("@media (prefers-color-scheme: dark)")
    by_system, chosen = rest.split(':root[data-theme="dark"]')
    return _declared(light), _declared(by_system), _declared(chosen.split("}")[0])


LIGHT, DARK_BY_SYSTEM, DARK_CHOSEN = _themes()


def _luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the ratio of https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXT_PAIRS = [
    *((text, back) for text in ("text", "text-2", "text-3") for back in ("bg", "surface", "raised", "sunken", "hover")),
    *(("accent-text", back) for back in ("bg", "surface", "hover", "accent-bg", "raised")),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
    *((tone, back) for tone in TONES for back in (f"{tone}-bg", "surface", "bg", "raised")),
    *(("text", f"{tone}-bg") for tone in TONES),
    *(("text-2", f"{tone}-bg") for tone in TONES),
    *((f"code-{kind}", back) for kind in ("key", "string", "number", "comment", "keyword") for back in ("surface", "sunken")),
    ("env-test", "env-test-bg"),
    ("env-staging", "env-staging-bg"),
    ("env-production-ink", "env-production"),
    ("text", "mark"),
]  # fmt: skip
SHAPE_PAIRS = [
    *((f"{tone}-solid", "surface") for tone in TONES),
    ("control-line", "surface"),
    ("focus", "bg"),
    ("focus", "surface"),
    ("env-production", "bg"),
]


@pytest.mark.parametrize("theme", [LIGHT, DARK_CHOSEN], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT_PAIRS)
def test_text_is_readable(theme: Colours, front: str, back: str) -> None:
    assert contrast(theme[front], theme[back]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK_CHOSEN], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), SHAPE_PAIRS)
def test_shapes_are_seen(theme: Colours, front: str, back: str) -> None:
    assert contrast(theme[front], theme[back]) >= 3


def test_dark_is_the_same_by_choice_and_by_system() -> None:
    assert DARK_BY_SYSTEM == DARK_CHOSEN
    assert set(DARK_CHOSEN) <= set(LIGHT)


def test_every_colour_has_a_dark_value() -> None:
    # These two are fills with white ink in both themes.
    assert set(LIGHT) - set(DARK_CHOSEN) == set()


def test_every_used_token_exists() -> None:
    text = "".join(sheet.read_text() for sheet in CSS.glob("*.css"))
    declared = set(re.findall(r"(--[a-z0-9-]+)\s*:", text))
    # Pages may set these to size a part.
    by_pages = {"--code-height", "--log-height", "--editor-height"}
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) - declared <= by_pages


def test_style_sheets_stay_small() -> None:
    assert sum(sheet.stat().st_size for sheet in CSS.glob("*.css")) < 60_000
