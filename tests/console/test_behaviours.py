"""The shell's scripts, as a person with a browser meets them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.console.site import served, state

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of the shell whose stream is open; a script error or a refusal by the policy fails the test."""
    state.__init__()  # type: ignore[misc]
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=address)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A refused request is part of some tests and logged by the browser itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with page.expect_response("**/fragment"):
        page.goto("/")
    yield page
    context.close()
    assert not complaints


# A function, because the policy forbids the page to evaluate strings.
STORED = """() => new Promise((resolve) => {
  const look = () => (sessionStorage.length ? resolve() : setTimeout(look, 20));
  look();
})"""


def change() -> None:
    state.count += 1
    state.tell(["deployment:1"])


def test_region_changes_in_place_when_its_topic_is_announced(page: Page) -> None:
    page.locator("#more summary").click()
    page.locator("#typed").fill("what I typed")
    change()
    expect(page.locator("#count")).to_have_text("count 1")
    expect(page.locator("#typed")).to_have_value("what I typed")
    expect(page.locator("#typed")).to_be_focused()
    expect(page.locator("#more")).to_have_attribute("open", "")
    expect(page).to_have_title("Deploying 1 · Slipway")
    assert "favicon-blue" in (page.locator("#favicon").get_attribute("href") or "")


def test_other_topics_fetch_nothing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    state.tell(["deployment:2"])
    state.tell(["build:1"])
    change()
    expect(page.locator("#count")).to_have_text("count 1")
    assert len([url for url in asked if url.endswith("/fragment")]) == 1


def test_selection_is_kept_until_it_is_let_go(page: Page) -> None:
    page.locator("#words").select_text()
    with page.expect_response("**/fragment"):
        change()
    assert page.evaluate("getSelection().toString()") == "words to select"
    expect(page.locator("#count")).to_have_text("count 0")
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("#count")).to_have_text("count 1")


def test_lost_connection_is_said_and_caught_up(page: Page) -> None:
    state.stream_up = False
    state.tell(None)
    expect(page.locator("[data-connection]")).to_be_visible(timeout=10_000)
    state.count = 7
    state.stream_up = True
    expect(page.locator("#count")).to_have_text("count 7", timeout=20_000)
    expect(page.locator("[data-connection]")).to_be_hidden()


def test_signed_out_is_said_once_and_keeps_what_is_shown(page: Page) -> None:
    state.signed_in = False
    change()
    expect(page.locator(".toast")).to_contain_text("signed out")
    expect(page.locator("#count")).to_have_text("count 0")


def test_form_is_sent_once_and_shows_that_it_was_heard(page: Page) -> None:
    twice = "button => { button.click(); button.click(); return button.getAttribute('aria-busy') }"
    assert page.locator("#plain button").evaluate(twice) == "true"
    expect(page).to_have_title("posted")
    assert state.posted == [{"verb": "go"}]


def test_dangerous_action_asks_for_the_name(page: Page) -> None:
    page.get_by_role("button", name="Roll back", exact=True).click()
    dialog = page.get_by_role("dialog", name="Roll back web?")
    go = dialog.get_by_role("button", name="Roll back to v41")
    expect(go).to_be_disabled()
    dialog.get_by_role("textbox").fill("we")
    expect(go).to_be_disabled()
    dialog.get_by_role("button", name="Keep as it is").click()
    assert not state.posted
    page.get_by_role("button", name="Roll back", exact=True).click()
    dialog.get_by_role("textbox").fill("web")
    page.keyboard.press("Enter")
    expect(page).to_have_title("posted")
    assert state.posted == [{"confirm_name": "web"}]


def test_unsaved_changes_are_guarded_and_offered_again(page: Page) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("#guarded input[name=name]").press("End")
    page.keyboard.type("-2")
    expect(page.locator("#preview")).to_have_text("name: web-2")
    page.evaluate(STORED)
    page.reload()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Take it up again").click()
    expect(page.locator("#guarded input[name=name]")).to_have_value("web-2")


WITH_CHOICES = """() => {
  document.getElementById("main").innerHTML = `<form id="made">
    <div class="made-row"><input aria-label="Secret" data-choices="secrets" value="OLD"><button type="button" data-remove=".made-row">Take out</button></div>
    <select aria-label="Variable" data-choices-of="secrets"><option value="">none</option><option selected>INHERITED</option></select></form>`;
  slipway.arrived(document.getElementById("made"));
}"""


def test_what_is_typed_can_be_chosen_at_once(page: Page) -> None:
    page.evaluate(WITH_CHOICES)
    select = page.get_by_label("Variable")
    expect(select.locator("option")).to_have_text(["none", "INHERITED", "OLD"])
    page.get_by_label("Secret").fill("API_KEY")
    expect(select.locator("option")).to_have_text(["none", "INHERITED", "API_KEY"])
    expect(select).to_have_value("INHERITED")
    select.select_option("API_KEY")
    # Another name leaves what was chosen: who chose it decides.
    page.get_by_label("Secret").fill("OTHER")
    expect(select).to_have_value("API_KEY")
    expect(select.locator("option")).to_have_text(["none", "INHERITED", "OTHER", "API_KEY"])
    page.get_by_role("button", name="Take out").click()
    expect(select.locator("option")).to_have_text(["none", "INHERITED", "API_KEY"])


WITH_TIME = """(seconds) => {
  const since = new Date(Date.now() - seconds * 1000).toISOString();
  document.getElementById("main").innerHTML = `<time id="made" data-since="${since}"></time>`;
  slipway.arrived(document.getElementById("main"));
}"""


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, r"^[56] s$"), (185, r"^3 m 0[56] s$"), (7800, r"^2 h 10 m$"), (273700, r"^3 d 4 h$")]
)
def test_running_times_have_the_words_of_the_server(page: Page, seconds: int, text: str) -> None:
    page.evaluate(WITH_TIME, seconds)
    expect(page.locator("#made")).to_have_text(re.compile(text))


def test_palette_finds_and_goes_by_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    box.press_sequentially("store")
    expect(page.get_by_role("option", name=re.compile("storefront"))).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#found-store$"))


def test_keys_go_and_are_listed(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Clusters")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/clusters/$"))


def test_rows_are_walked_and_opened_by_keyboard(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#row-2$"))


def test_log_keeps_its_end_and_marks_the_error(page: Page) -> None:
    page.goto("/log-page")
    log = page.locator("#log")
    expect(log.locator("[data-log-state]")).to_have_text("Ended")
    expect(log.locator(".log-line.is-error .log-text")).to_have_text("Traceback: boom")
    expect(log.locator(".log-line.is-error .log-no")).to_have_text("6001")
    assert log.locator(".log-line").count() <= 5001
    lines = log.locator("[data-log-lines]")
    assert lines.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") < 30
    lines.evaluate("e => { e.scrollTop = 0 }")
    log.get_by_role("button", name="First error").click()
    row, frame = log.locator(".is-marked").bounding_box(), lines.bounding_box()
    assert row is not None
    assert frame is not None
    assert frame["y"] <= row["y"] < frame["y"] + frame["height"]


def test_copy_takes_the_whole_text(page: Page) -> None:
    page.get_by_role("button", name="Copy digest").click()
    assert page.evaluate("navigator.clipboard.readText()") == "sha256:0123456789"


def test_theme_is_chosen_and_remembered(page: Page) -> None:
    page.locator(".side-end summary").click()
    page.locator("[data-theme-value=dark]").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(14, 16, 19)"


def test_editor_stands_in_for_the_text_area(page: Page) -> None:
    page.goto("/gallery")
    editor = page.locator(".editor .cm-content")
    expect(editor).to_have_attribute("aria-label", "Dockerfile")
    editor.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# first")
    assert page.locator("#dockerfile").input_value().startswith("# first# Stage 1")
    assert page.locator(".editor .cm-lint-marker-error").count() == 1


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/gallery", "/login"])
def test_page_needs_no_sideways_scroll(page: Page, width: int, path: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_ordinary_pages_load_little_script(page: Page) -> None:
    scripts = "performance.getEntriesByType('resource').filter(one => one.name.endsWith('.js'))"
    size = page.evaluate(f"{scripts}.reduce((sum, one) => sum + one.decodedBodySize, 0)")
    assert 10_000 < size < 300_000
