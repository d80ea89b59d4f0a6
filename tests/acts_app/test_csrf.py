"""Changes that a session makes must come from our own pages."""

import re
from typing import Any

import pytest
from acts_samples import API, act

from acts_app.csrf import from_here

HERE = "http://localhost/"
PASSWORD = "correct horse"


@pytest.mark.parametrize(
    ("origin", "referer", "verdict"),
    [
        ("http://localhost", None, True),
        ("http://LOCALHOST:80", None, True),
        ("https://localhost", None, False),
        ("http://localhost:8080", None, False),
        ("http://localhost.evil.example", None, False),
        ("http://localhost@evil.example", None, False),
        ("null", None, False),
        ("", None, False),
        ("http://[", None, False),
        ("http://localhost:port", None, False),
        ("http://evil.example", "http://localhost/upload", False),
        (None, "http://localhost/upload", True),
        (None, "http://evil.example/http://localhost/", False),
        (None, None, None),
    ],
)
def test_where_a_request_comes_from_is_compared_whole(
    origin: str | None, referer: str | None, verdict: bool | None
) -> None:
    assert from_here(origin, referer, HERE) is verdict


def test_the_host_and_scheme_are_those_the_person_used() -> None:
    assert from_here("https://acts.example", None, "https://acts.example/")
    assert not from_here("http://acts.example", None, "https://acts.example/")


@pytest.fixture
def session_client(make_client: Any) -> Any:
    """Somebody who signed up in the pages; the browser says nothing about where requests come from."""
    client = make_client(auth="required")
    signed = sign_up(client)
    assert signed.status_code == 303
    return client


def token_in(page: Any) -> str:
    """The token of a page's form."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def sign_up(client: Any, **headers: str) -> Any:
    """Fill in the form and send it."""
    form = {"username": "ann", "password": PASSWORD, "token": token_in(client.get("/signup"))}
    return client.post("/signup", data=form, headers=headers)


def test_a_session_without_origin_needs_its_token(session_client: Any) -> None:
    assert session_client.post(f"{API}/categories", json=["trees"]).status_code == 403
    token = token_in(session_client.get("/upload"))
    good = session_client.post(f"{API}/categories", json=["trees"], headers={"X-CSRF-Token": token})
    assert good.status_code == 201
    wrong = session_client.post(f"{API}/categories", json=["water"], headers={"X-CSRF-Token": token + "x"})
    assert wrong.status_code == 403


def test_our_own_origin_is_enough_and_any_other_is_refused_even_with_the_token(session_client: Any) -> None:
    def add(name: str, headers: dict[str, str]) -> int:
        return int(session_client.post(f"{API}/categories", json=[name], headers=headers).status_code)

    token = token_in(session_client.get("/upload"))
    assert add("trees", {"Origin": "http://localhost"}) == 201
    assert add("water", {"Origin": "https://evil.example", "X-CSRF-Token": token}) == 403
    assert add("water", {"Origin": "null", "X-CSRF-Token": token}) == 403


def test_basic_credentials_are_no_session_and_need_no_token(make_client: Any) -> None:
    client = make_client(auth="required")
    sign_up(client)
    client.delete_cookie("selfieless")
    headers = {"Origin": "https://elsewhere.example"}
    assert client.post(f"{API}/categories", json=["trees"], auth=("ann", PASSWORD), headers=headers).status_code == 201
    assert client.post(f"{API}/acts", json=act(), auth=("ann", PASSWORD), headers=headers).status_code == 201


@pytest.mark.parametrize("path", ["/login", "/signup", "/logout", "/categories", "/upload", "/account/remove"])
def test_every_form_of_the_pages_is_guarded(session_client: Any, path: str) -> None:
    assert session_client.post(path, data={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert session_client.post(path, data={}).status_code == 403


def test_strangers_cannot_be_logged_in_by_another_site(make_client: Any) -> None:
    client = make_client(auth="required")
    assert sign_up(client, Origin="https://evil.example").status_code == 403
    assert client.post("/login", data={"username": "ann", "password": PASSWORD}).status_code == 403
