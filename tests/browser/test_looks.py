"""Every page at every width, in the light and in the dark: nothing sticks out, and axe-core finds nothing serious."""

from collections.abc import Callable
from typing import Any

import pytest
import steps
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PAGES = ["/", "/categories/trees", "/categories/empty", "/acts/1", "/login", "/signup", "/nothing"]
FOR_ACCOUNTS = ["/", "/upload", "/account", "/acts/1"]
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 3


def filled(page: Page, redis_url: str) -> None:
    """A store with some acts, an empty category and one with a monstrous name."""
    steps.stock(redis_url, 5)
    steps.stock(redis_url, 0, "empty")
    steps.stock(redis_url, 0, LONG)


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desktop", "dark")])
def test_axe_finds_nothing_serious(
    *, open_page: Open, redis_server: Any, complaints: list[str], size: str, scheme: str
) -> None:
    page = open_page(size, color_scheme=scheme)
    filled(page, redis_server.url)
    found = {path: violations_at(page, path) for path in PAGES}
    steps.sign_up(page)
    found |= {f"{path} logged in": violations_at(page, path) for path in FOR_ACCOUNTS}
    assert not {path: words for path, words in found.items() if words}
    complaints[:] = [words for words in complaints if "404" not in words]


def violations_at(page: Page, path: str) -> list[str]:
    """What is serious on one page."""
    page.goto(path)
    return steps.violations(page)


def test_nothing_sticks_out_from_320_to_2560_pixels(open_page: Open, redis_server: Any, complaints: list[str]) -> None:
    page = open_page()
    filled(page, redis_server.url)
    steps.sign_up(page)
    out = {}
    for path in dict.fromkeys(PAGES + FOR_ACCOUNTS):
        page.goto(path)
        for width in (320, 641, 900, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            if steps.overflow(page) > 0:
                out[path, width] = steps.overflow(page)
    assert out == {}
    complaints[:] = [words for words in complaints if "404" not in words]


def test_a_keyboard_is_enough(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 3)
    page = open_page()
    steps.sign_up(page)
    page.goto("/acts/3")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the acts")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="upvote")).to_be_focused()
    with page.expect_response(lambda response: response.url.endswith("/upvote")):
        page.keyboard.press("Space")
    expect(page.locator(".count")).to_have_text("1")


def test_the_front_page_is_light(open_page: Open, redis_server: Any) -> None:
    steps.stock(redis_server.url, 40)
    page = open_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert len(page.content().encode()) < 50_000
    assert not [url for url in sizes if "base64" in page.content()]
