"""The whole visit, on a phone and at a desk: sign up, add, upload, upvote, share, remove, leave."""

import re
from collections.abc import Callable

import pytest
import steps
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_visit_from_sign_up_to_farewell(open_page: Open, size: str) -> None:
    page = open_page(size, permissions=["clipboard-read", "clipboard-write"])
    look_around(page)
    steps.sign_up(page)
    add_category(page)
    upload(page)
    address = page.url
    upvote(page)
    share(page)
    meet_a_stranger(open_page(size), address)
    remove(page)
    leave(page)


def look_around(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("There are no categories yet.")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Share an act").click()
    expect(page).to_have_url(re.compile("/login\\?next=%2Fupload"))
    page.get_by_role("link", name="Sign up").click()
    expect(page.get_by_role("heading", name="Nice to meet you")).to_be_visible()


def add_category(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Add a category").click()
    page.get_by_label("Its name").fill("  Trees & <b>gardens</b>/parks ")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile("/categories/Trees%20%26%20%3Cb%3Egardens%3C%2Fb%3E%2Fparks"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Trees & <b>gardens</b>/parks")
    expect(page.get_by_text("Nobody has shared an act here yet.")).to_be_visible()


def upload(page: Page) -> None:
    page.get_by_role("link", name="Share one").click()
    page.get_by_label("Take or choose a photo").set_input_files(steps.photo(3, 2600, 1950))
    expect(page.get_by_text("Made smaller")).to_be_visible()
    expect(page.get_by_alt_text("The photo you chose")).to_be_visible()
    page.get_by_label("What happens in it?").fill('Planted "40" oaks <script>alert(1)</script>')
    expect(page.get_by_label("What kind of good?")).to_have_value("Trees & <b>gardens</b>/parks")
    page.get_by_role("button", name="Share it").click()
    expect(page).to_have_url(re.compile(r"/acts/\d{13}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text('Planted "40" oaks <script>alert(1)</script>')
    width = "document.querySelector('.full').decode().then(() => document.querySelector('.full').naturalWidth)"
    assert page.evaluate(width) == 2048


def upvote(page: Page) -> None:
    button = page.get_by_role("button", name="upvote")
    expect(button.locator(".count")).to_have_text("0")
    with page.expect_response(lambda response: response.url.endswith("/upvote")):
        button.click()
    expect(button.locator(".count")).to_have_text("1")
    page.reload()
    expect(button.locator(".count")).to_have_text("1")
    expect(button).to_have_attribute("aria-pressed", "true")
    with page.expect_response(lambda response: response.url.endswith("/upvote")):
        button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(button.locator(".count")).to_have_text("0")


def share(page: Page) -> None:
    page.get_by_role("link", name="Share", exact=True).click()
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def meet_a_stranger(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("link", name="Remove")).to_have_count(0)
    page.get_by_role("link", name="Log in to upvote").click()
    expect(page).to_have_url(re.compile("/login"))


def remove(page: Page) -> None:
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Nobody has shared an act here yet.")).to_be_visible()


def leave(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="ann").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("navigation").get_by_role("link", name="Log in").click()
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation").get_by_role("link", name="ann").click()
    page.get_by_text("Delete my account").first.click()
    page.get_by_label("Your password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("navigation").get_by_role("link", name="Log in")).to_be_visible()
