"""Scrolling, the network at its worst, and browsers without scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import steps
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
ORDER = "Array.from(document.querySelectorAll('.card h3'), title => Number(title.textContent.match(/\\d+/)[0]))"


def test_scrolling_shows_every_act_once_and_in_order(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 40)
    page = open_page()
    page.goto("/categories/trees")
    while page.locator("a[data-older]").count():
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(30)
    assert page.evaluate(ORDER) == list(range(40, 0, -1))


def test_uploads_while_somebody_scrolls_shift_nothing(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 14)
    page = open_page(java_script_enabled=False)
    page.goto("/categories/trees")
    steps.stock(redis_server.url, 20)
    page.get_by_role("link", name="Older acts").click()
    expect(page.locator(".card h3")).to_have_text(["act number 2", "act number 1"])


def test_a_failed_page_can_be_asked_for_again(open_page: Open, redis_server: Any, complaints: list[str]) -> None:
    steps.stock(redis_server.url, 30)
    page = open_page()
    page.route(re.compile("before="), lambda route: route.abort())
    page.goto("/categories/trees")
    page.mouse.wheel(0, 9000)
    expect(page.get_by_text("You seem to be offline.")).to_be_visible()
    page.unroute(re.compile("before="))
    page.get_by_role("link", name="Try again").click()
    expect(page.locator(".card")).to_have_count(24)
    complaints[:] = [words for words in complaints if "ERR_FAILED" not in words]


def test_waiting_for_older_acts_is_shown(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 30)
    page = open_page()
    held: list[Route] = []
    page.route(re.compile("before="), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given
    page.goto("/categories/trees")
    page.mouse.wheel(0, 9000)
    expect(page.locator(".ghost").first).to_be_visible()
    expect(page.locator(".more")).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    expect(page.locator(".ghost")).to_have_count(0)


def test_an_upvote_that_does_not_get_through_is_taken_back(
    open_page: Open, redis_server: Any, complaints: list[str]
) -> None:
    steps.stock(redis_server.url, 1)
    page = open_page()
    steps.sign_up(page)
    page.goto("/acts/1")
    page.context.set_offline(True)
    page.get_by_role("button", name="upvote").click()
    expect(page.get_by_text("You seem to be offline.")).to_be_visible()
    expect(page.get_by_role("button", name="upvote").locator(".count")).to_have_text("0")
    complaints[:] = [words for words in complaints if "ERR_INTERNET_DISCONNECTED" not in words]


def test_an_upload_that_breaks_off_keeps_what_was_typed(
    open_page: Open, redis_server: Any, complaints: list[str]
) -> None:
    steps.stock(redis_server.url, 1)
    page = open_page()
    steps.sign_up(page)
    page.goto("/upload")
    page.get_by_label("Take or choose a photo").set_input_files(steps.photo())
    page.get_by_label("What happens in it?").fill("kept")
    page.context.set_offline(True)
    page.get_by_role("button", name="Share it").click()
    expect(page.get_by_text("The photo did not get through.")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="kept")).to_be_visible()
    complaints[:] = [words for words in complaints if "ERR_INTERNET_DISCONNECTED" not in words]


def test_everything_works_without_scripts(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 13)
    page = open_page("phone", java_script_enabled=False)
    steps.sign_up(page)
    page.goto("/categories/trees")
    page.get_by_role("link", name="Older acts").click()
    expect(page.locator(".card")).to_have_count(1)
    page.goto("/acts/13")
    page.get_by_role("button", name="upvote").click()
    expect(page.locator(".count")).to_have_text("1")
    page.goto("/upload")
    page.get_by_label("Take or choose a photo").set_input_files(steps.photo())
    page.get_by_label("What kind of good?").select_option("A new category…")
    page.get_by_label("Name of the new category").fill("quiet")
    page.get_by_role("button", name="Share it").click()
    expect(page).to_have_url(re.compile(r"/acts/\d{13}$"))
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page).to_have_url(re.compile("/categories/quiet$"))
