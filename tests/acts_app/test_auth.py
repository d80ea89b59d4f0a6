"""Who may change what with ACTS_AUTH=required."""

from typing import Any

import pytest
import redis
from acts_samples import API, SHA1, act, user
from flask.testing import FlaskClient

ANN, BOB = ("ann", "test"), ("bob", SHA1)
STRANGER = None


@pytest.fixture
def guarded(make_client: Any) -> FlaskClient:
    """Ann and bob (password "test"), ann's category trees with her act 1 in it."""
    client: FlaskClient = make_client(auth="required")
    for name in ("ann", "bob"):
        assert client.post(f"{API}/users", json=user(name)).status_code == 201
    assert client.post(f"{API}/categories", json=["trees"], auth=ANN).status_code == 201
    assert client.post(f"{API}/acts", json=act(), auth=ANN).status_code == 201
    return client


@pytest.mark.parametrize(
    ("auth", "method", "path", "body", "code"),
    [
        (STRANGER, "POST", "/users", user("eve"), 201),
        (STRANGER, "GET", "/users", None, 200),
        (STRANGER, "GET", "/categories", None, 200),
        (STRANGER, "GET", "/categories/trees/acts", None, 200),
        (STRANGER, "GET", "/acts/count", None, 200),
        (STRANGER, "GET", "/_count", None, 200),
        (STRANGER, "GET", "/_health", None, 200),
        (STRANGER, "DELETE", "/users/ann", None, 401),
        (STRANGER, "POST", "/categories", ["water"], 401),
        (STRANGER, "DELETE", "/categories/trees", None, 401),
        (STRANGER, "POST", "/acts", act(2), 401),
        (STRANGER, "POST", "/acts", None, 401),
        (STRANGER, "DELETE", "/acts/1", None, 401),
        (STRANGER, "DELETE", "/acts/9", None, 401),
        (STRANGER, "POST", "/acts/upvote", [1], 401),
        (("ann", "wrong"), "POST", "/categories", ["water"], 401),
        (("nobody", "test"), "POST", "/categories", ["water"], 401),
        (("", ""), "POST", "/categories", ["water"], 401),
        (ANN, "DELETE", "/users/ann", None, 200),
        (ANN, "DELETE", "/users/bob", None, 403),
        (ANN, "DELETE", "/users/nobody", None, 400),
        (BOB, "POST", "/categories", ["water"], 201),
        (ANN, "DELETE", "/categories/trees", None, 200),
        (BOB, "DELETE", "/categories/trees", None, 403),
        (BOB, "DELETE", "/categories/water", None, 400),
        (ANN, "POST", "/acts", act(2), 201),
        (("ann", SHA1.upper()), "POST", "/acts", act(2), 201),
        (BOB, "POST", "/acts", act(2), 403),
        (BOB, "POST", "/acts", act(2, username="nobody"), 400),
        (BOB, "POST", "/acts", act(2, username="bob"), 201),
        (ANN, "DELETE", "/acts/1", None, 200),
        (BOB, "DELETE", "/acts/1", None, 403),
        (BOB, "DELETE", "/acts/2", None, 400),
        (BOB, "POST", "/acts/upvote", [1], 200),
        (BOB, "POST", "/acts/upvote", [2], 400),
    ],
)
def test_a_change_needs_the_right_account(
    *, guarded: FlaskClient, auth: tuple[str, str] | None, method: str, path: str, body: Any, code: int
) -> None:
    got = guarded.open(API + path, method=method, json=body, auth=auth)
    assert got.status_code == code, got.text
    if code == 401:
        assert got.headers["WWW-Authenticate"].startswith("Basic ")
        assert list(got.json) == ["error"]


def test_the_pages_own_fetches_are_asked_for_a_session(guarded: FlaskClient) -> None:
    got = guarded.delete(f"{API}/acts/1", headers={"X-Requested-With": "fetch"})
    assert (got.status_code, got.headers["WWW-Authenticate"]) == (401, "Session")


def test_the_tenth_wrong_password_closes_the_account_for_a_while(guarded: FlaskClient) -> None:
    tries = [guarded.post(f"{API}/categories", json=["x"], auth=("ann", f"{n}")).status_code for n in range(11)]
    assert tries == [401] * 10 + [429]
    refused = guarded.post(f"{API}/categories", json=["x"], auth=("bob", "test"))
    assert refused.status_code == 201
    got = guarded.post(f"{API}/categories", json=["y"], auth=("ann", "10"))
    assert (got.status_code, list(got.json)) == (429, ["error"])
    assert 1 <= int(got.headers["Retry-After"]) <= 300


def test_fifty_wrong_passwords_close_the_door_for_the_address(guarded: FlaskClient) -> None:
    tries = [guarded.post(f"{API}/categories", json=["x"], auth=(f"user{n}", "?")).status_code for n in range(51)]
    assert tries == [401] * 50 + [429]
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    assert guarded.post(f"{API}/categories", json=["x"], auth=("z", "?"), headers=elsewhere).status_code == 401


def test_wrong_passwords_count_over_all_containers(make_client: Any) -> None:
    clients = [make_client(auth="required"), make_client(auth="required")]
    clients[0].post(f"{API}/users", json=user())
    tries = [clients[n % 2].post(f"{API}/categories", json=["x"], auth=("ann", "?")).status_code for n in range(11)]
    assert tries == [401] * 10 + [429]


def test_sign_ups_are_limited_by_address(make_client: Any) -> None:
    client = make_client(auth="required", signup_limit="2 per hour")
    codes = [client.post(f"{API}/users", json=user(f"u{n}")).status_code for n in range(3)]
    assert codes == [201, 201, 429]


def test_a_verified_password_stops_working_with_its_account(guarded: FlaskClient) -> None:
    assert guarded.delete(f"{API}/users/ann", auth=ANN).status_code == 200
    assert guarded.post(f"{API}/categories", json=["x"], auth=ANN).status_code == 401


def test_whoever_takes_a_free_name_does_not_get_its_acts_and_categories(guarded: FlaskClient) -> None:
    guarded.delete(f"{API}/users/ann", auth=ANN)
    assert guarded.post(f"{API}/users", json=user("ann")).status_code == 201
    assert guarded.delete(f"{API}/acts/1", auth=ANN).status_code == 403
    assert guarded.delete(f"{API}/categories/trees", auth=ANN).status_code == 403


def test_passwords_are_nowhere_in_the_store(guarded: FlaskClient, redis_client: redis.Redis) -> None:
    assert not [key for key in redis_client.scan_iter() if SHA1 in str(key)]
    assert all(record.startswith("scrypt:") and SHA1 not in record for record in redis_client.hvals("store:passwords"))
