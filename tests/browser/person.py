"""Somebody with a browser: signs in, clicks, reads; whatever the browser complains about is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, ViewportSize

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE = 15_000  # milliseconds; the machine may be busy with other tests

# What a screen reader or a small screen would stumble over. A function, because the policy forbids to evaluate strings.
STUMBLES = """() => {
  const found = [];
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const called = (element) => element.getAttribute("aria-label") || element.getAttribute("title")
    || [...(element.getAttribute("aria-labelledby") ?? "").split(" ")].some((id) => id && document.getElementById(id))
    || [...(element.labels ?? [])].some((label) => label.textContent.trim());
  const told = (element) => element.outerHTML.slice(0, 160).replace(/\\s+/g, " ");
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter((one) => !one.closest("dialog"));
  if (headings.filter((one) => one.tagName === "H1").length !== 1) found.push("not exactly one h1");
  headings.reduce((before, one) => {
    const level = Number(one.tagName[1]);
    if (level > before + 1) found.push(`a ${one.tagName} below an H${before}: ${one.textContent.trim().slice(0, 60)}`);
    return level;
  }, 0);
  for (const one of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (seen(one) && !called(one)) found.push(`no label: ${told(one)}`);
  }
  for (const one of document.querySelectorAll("button, a[href], summary")) {
    if (seen(one) && !one.textContent.trim() && !called(one)) found.push(`no name: ${told(one)}`);
  }
  for (const one of document.querySelectorAll("img:not([alt])")) found.push(`no alt: ${told(one)}`);
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => found.push(`id twice: ${id}`));
  if (!document.documentElement.lang || !document.title.trim()) found.push("no language or title");
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} px wider than the screen`);
  return found;
}"""


class Person:
    """One who uses the console in a browser of their own."""

    def __init__(self, browser: Browser, url: str, *, viewport: ViewportSize = LAPTOP) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport=viewport, base_url=url, is_mobile=viewport is PHONE, has_touch=viewport is PHONE, locale="en-GB"
        )
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected = {422}
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._answered)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in through the form."""
        self.page.goto("/login/")
        self.page.get_by_label("Sign-in name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.click("Sign in")
        self.page.get_by_role("navigation", name="Main").wait_for(state="attached")

    def click(self, button: str) -> None:
        """Press the button that is called so."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def follow(self, link: str) -> None:
        """Follow the link that is called so."""
        self.page.get_by_role("link", name=link, exact=True).first.click()

    def fill(self, **fields: str) -> None:
        """Fill in fields of a form by their names."""
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").fill(value)

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Fail unless the page is the same document at the end: what changed has changed by itself."""
        self.page.evaluate("() => { window.stayed = true; }")
        yield
        assert self.page.evaluate("() => window.stayed === true"), "the page was loaded again"

    def stumbles(self) -> list[str]:
        """Return what others would stumble over on this page."""
        return [f"{self.page.url}: {one}" for one in self.page.evaluate(STUMBLES)]

    def picture(self, path: Path, *, dark: bool = False) -> None:
        """Keep what the person sees, all of the page."""
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True, animations="disabled")

    def close(self) -> None:
        """Close the browser window."""
        self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        # Refusals of the content security policy are errors of the console too. Answers are looked at below.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _answered(self, response: Response) -> None:
        # A form that is sent back, and a preview of what cannot be read, answer 422.
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.url} answered {response.status}")
