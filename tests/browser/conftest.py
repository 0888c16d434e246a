"""One pipeline, one console and one browser for all tests of this folder; each test has a page of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.rig import ANALYST, Stage, stage
from tests.browser.story import story

CHROMIUM_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
STREAMLIT_PROBES = tuple(f"/{page}/_stcore/" for page in ("alerts", "session", "campaigns", "response", "live"))
"""Streamlit looks below a deep link's path first, whether the server stands there; a 404 tells it no."""

Open = Callable[..., Any]
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, broker: str) -> Iterator[Stage]:
    """The pipeline after four hours with thefts in them, and the console over it."""
    with stage(tmp_path_factory.mktemp("console"), broker, story().events) as opened:
        yield opened


@pytest.fixture
def open_page(request: pytest.FixtureRequest, chromium: Any, watched: Stage) -> Iterator[Open]:
    """Opens pages; afterwards, none of them may have asked another host or reported an error."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def opened(address: str = "/", token: str | None = ANALYST, *, within: Any = None, **options: Any) -> Any:
        context = within or chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        if within is None:
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: _note(complaints, message))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", lambda request: _note_foreign(complaints, request.url))
        page.goto(watched.console_url + address)
        if token is not None:
            page.get_by_label("Token", exact=True).fill(token)
            page.keyboard.press("Enter")
            page.get_by_text("Signed in as").wait_for()
        return page

    yield opened
    if request.node.stash.get(FAILED, False):
        _tell_what_stood_there(contexts, complaints, watched)
    for context in contexts:
        context.close()
    assert complaints == []


def _tell_what_stood_there(contexts: list[Any], complaints: list[str], watched: Stage) -> None:
    """Print what the pages showed and the console said: a failure on another machine is read, not repeated."""
    for page in (page for context in contexts for page in context.pages):
        print(f"--- {page.url}\n{page.locator('body').inner_text()}")  # noqa: T201
    print("--- complaints", *complaints, "--- console.log", sep="\n")  # noqa: T201
    print((watched.folder / "console.log").read_text(errors="replace")[-4_000:])  # noqa: T201


def _note(complaints: list[str], message: Any) -> None:
    if message.type != "error":
        return
    place = message.location.get("url", "")
    if not any(probe in place for probe in STREAMLIT_PROBES):
        complaints.append(f"console: {message.text} ({place})")


def _note_foreign(complaints: list[str], url: str) -> None:
    if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
        complaints.append(f"request to another host: {url}")
