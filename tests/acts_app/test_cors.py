"""Browser clients on other origins."""

from typing import Any

import pytest
from acts_samples import API

from acts_app.cors import allowed

HERE, THERE = "https://app.example", "https://other.example"
ROUTES = ["/users", "/users/ann", "/categories", "/categories/a", "/categories/a/acts", "/categories/a/acts/size"]
ROUTES += ["/acts", "/acts/1", "/acts/upvote", "/acts/count", "/_count", "/_health", "/_crash"]


@pytest.mark.parametrize(
    ("origin", "origins", "said"),
    [(HERE, (HERE,), HERE), (THERE, (HERE,), None), (None, (HERE,), None), (None, ("*",), "*"), (HERE, (), None)],
)
def test_an_origin_is_answered_by_the_list(origin: str | None, origins: tuple[str, ...], said: str | None) -> None:
    assert allowed(origin, origins) == said


@pytest.mark.parametrize("route", ROUTES)
def test_a_preflight_is_answered_on_every_route_without_credentials(make_client: Any, route: str) -> None:
    got = make_client(auth="required", cors_origins=(HERE,)).options(API + route, headers={"Origin": HERE})
    assert got.status_code in (200, 204)
    assert got.headers["Access-Control-Allow-Origin"] == HERE
    assert got.headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, OPTIONS"
    assert got.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
    assert got.vary.as_set() == {"origin"}


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/nothing", 404), ("PUT", "/users", 405), ("POST", "/users", 400), ("GET", "/users", 204)],
)
def test_errors_carry_the_headers_too(client: Any, method: str, path: str, code: int) -> None:
    got = client.open(API + path, method=method, headers={"Origin": THERE})
    assert (got.status_code, got.headers["Access-Control-Allow-Origin"]) == (code, "*")


def test_by_default_no_origin_is_told_anything(make_client: Any) -> None:
    got = make_client(auth="required", cors_origins=()).get(f"{API}/acts/count", headers={"Origin": THERE})
    assert not [name for name in dict(got.headers) if name.startswith("Access-Control")]


def test_a_crashed_container_still_says_it(client: Any) -> None:
    client.post(f"{API}/_crash")
    got = client.options(f"{API}/users", headers={"Origin": THERE})
    assert (got.status_code, got.headers["Access-Control-Allow-Origin"]) == (500, "*")
