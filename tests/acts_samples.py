"""Valid requests to the acts application, for every test that changes one thing about them."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask.testing import FlaskClient

from acts_app import validate
from acts_app.store import Store

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


def send(client: FlaskClient, method: str, path: str, body: Any = None) -> Any:
    """One request; a body that is not bytes is sent as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body)
    return client.open(API + path, method=method, data=data)


def upload(store: Store, act_id: str, **changes: Any) -> str:
    """Upload a valid act."""
    body = validate.parse_json(json.dumps(act(1, **changes)).encode())
    return store.acts.add(validate.act(body | {"actId": validate.LongInteger(act_id)}), "")


def at_once(function: Any, times: int) -> list[Any]:
    """The answers of many calls at the same time."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, range(times)))
