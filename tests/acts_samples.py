"""Valid requests to the acts application, for every test that changes one thing about them."""

from typing import Any

SHA1 = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"  # of "test"
API = "/api/v1"


def act(act_id: Any = 1, **changes: Any) -> dict[str, Any]:
    """An upload by ann into trees."""
    body = {
        "actId": act_id,
        "username": "ann",
        "timestamp": "23-11-2026:59-30-18",
        "caption": "planted",
        "categoryName": "trees",
        "imgB64": "QUJD",
    }
    return body | changes


def user(name: str = "ann", password: str = SHA1) -> dict[str, str]:
    """A sign-up."""
    return {"username": name, "password": password}
