"""What people do, as steps that several tests take."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pictures
import redis
from playwright.sync_api import Page

from acts_app.store import Store
from acts_app.validate import NewAct, seconds_of

PASSWORD = "correct horse"
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
SERIOUS = ("serious", "critical")


def sign_up(page: Page, name: str = "ann", path: str = "/signup") -> None:
    """Through the form, as everybody."""
    page.goto(path)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url(lambda url: "/signup" not in url)


def photo(seed: int = 1, width: int = 320, height: int = 240) -> dict[str, Any]:
    """A file for an upload form."""
    picture = pictures.landscape(seed).resize((width, height))
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": pictures.encoded(picture)}


def stock(redis_url: str, number: int, category: str = "trees") -> None:
    """Put acts into the store directly: act 1 is the oldest."""
    store = Store.at(redis_url)
    store.accounts.add("bob", "scrypt:16:8:1:00:00")
    store.categories.add(category, "")
    image = pictures.encoded(pictures.landscape(7, 160, 120))
    for n in range(1, number + 1):
        stamp = f"01-01-2026:{n % 60:02}-{n // 60:02}-12"
        store.acts.add(NewAct(str(n), "bob", stamp, seconds_of(stamp), f"act number {n}", category, image), "")
    store.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds serious."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']} at {node['target']}: {node.get('failureSummary', '')}"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth"))


def sha1(word: str) -> str:
    """As the protocol carries passwords."""
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


def keys(client: redis.Redis, pattern: str) -> int:
    """How many keys fit."""
    return sum(1 for _ in client.scan_iter(pattern))


def b64(data: bytes) -> str:
    """As the protocol carries images."""
    return base64.b64encode(data).decode()
