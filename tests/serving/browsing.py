"""The page in headless Chromium: a browser for tests, and a page that tells of everything that goes wrong."""

import json
import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
_TIMEOUT_MS = 20_000  # of a machine that does other things beside


@contextmanager
def chromium():
    """Skips where there is no playwright or no Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    api.expect.set_options(timeout=_TIMEOUT_MS)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A fresh profile on the page of a server. Leaving it checks that no script failed, that the policy was kept, and
    that nothing but the server was asked for anything."""

    def __init__(self, browser, url, *, path="/", width=1100, height=760, scheme="light", is_failing=False):
        self.url, self.is_failing = url, is_failing  # is_failing: calls are to fail, of which the browser tells
        self._context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        self.page = self._context.new_page()
        self.page.set_default_timeout(_TIMEOUT_MS)
        self.errors, self.requests = [], []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.goto(url + path)

    def _note(self, message):
        is_of_a_call = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not (self.is_failing and is_of_a_call):
            self.errors.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._context.close()
        if kind is None:
            assert self.errors == []
            assert {one.url for one in self.requests if not one.url.startswith(self.url + "/")} == set()

    # ------------------------------------------------------------------------------------------ what people do

    def ask(self, text):
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def answers(self):
        return self.page.locator("li.answer[aria-busy=false]")

    def asked_bodies(self):
        """What the page sent to the model, in order."""
        return [json.loads(one.post_data) for one in self.requests if one.url.endswith("/v1/chat/completions")]

    def kept(self, name):
        return self.page.evaluate("(name) => JSON.parse(localStorage.getItem(name))", name)

    def tab_to(self, **role):
        """Presses Tab until the one element with this role and name has the focus."""
        wanted = self.page.get_by_role(role.pop("role"), exact=True, **role)
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("(element) => element === document.activeElement"):
                return wanted
        raise AssertionError(f"Tab does not lead to {wanted}")
