"""Debian's Chromium, driven by Playwright, on a real container; whatever a page complains about fails the test."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import acts_container
import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from required import missing

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run"]
PATIENCE = 10_000  # ms that a step may take on a loaded machine
SIZES = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1280, "height": 860}},
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session."""
    binary = shutil.which("chromium") or ""
    if not binary:
        missing("browser", "apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def container(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One real container for the session, with accounts."""
    folder = tmp_path_factory.mktemp("acts")
    with acts_container.running(redis_server.url, folder, ACTS_AUTH="required", SIGNUP_LIMIT="1000 per hour") as one:
        yield one


@pytest.fixture
def complaints() -> list[str]:
    """Console errors, CSP violations and uncaught exceptions; a test that provokes one takes it out again."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, container: Any, redis_client: redis.Redis, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh browser profile; options go to Playwright's new_context."""
    contexts: list[BrowserContext] = []

    def open_it(size: str = "desktop", **options: Any) -> Page:
        context = browser.new_context(base_url=container.site, **({"reduced_motion": "reduce"} | SIZES[size] | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
