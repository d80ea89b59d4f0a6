"""Sessions of the pages: good in every container, and over with the account."""

from typing import Any

import requests
from acts_samples import API

OURS = {"Origin": "http://localhost"}
FORM = {"username": "ann", "password": "correct horse"}


def signed_up(client: Any) -> str:
    """Sign up; the cookie's value."""
    assert client.post("/signup", data=FORM, headers=OURS).status_code == 303
    return str(client.get_cookie("selfieless").value)


def test_a_session_is_good_in_every_container_that_has_the_secret(make_client: Any) -> None:
    cookie = signed_up(make_client(auth="required"))
    other, foreign = make_client(auth="required"), make_client(auth="required", session_secret="another")
    for client in (other, foreign):
        client.set_cookie("selfieless", cookie)
    assert other.post(f"{API}/categories", json=["trees"], headers=OURS).status_code == 201
    assert foreign.post(f"{API}/categories", json=["water"], headers=OURS).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(make_client: Any) -> None:
    client = make_client(auth="required")
    plain = client.post("/signup", data=FORM, headers=OURS).headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    behind_tls = {"X-Forwarded-Proto": "https", "Origin": "https://localhost"}
    secure = client.post("/login", data=FORM, headers=behind_tls).headers["Set-Cookie"]
    assert "; Secure" in secure


def test_a_session_ends_with_its_account_even_if_the_name_comes_back(make_client: Any) -> None:
    client, other = make_client(auth="required"), make_client(auth="required")
    signed_up(client)
    removed = client.post("/account/remove", data={"password": FORM["password"]}, headers=OURS)
    assert removed.status_code == 303
    cookie = signed_up(client)
    assert client.delete(f"{API}/users/ann", headers=OURS).status_code == 200
    signed_up(other)
    client.set_cookie("selfieless", cookie)
    assert client.post(f"{API}/categories", json=["trees"], headers=OURS).status_code == 401
    assert "Log in" in client.get("/").text


def test_logging_out_forgets_the_session(make_client: Any) -> None:
    client = make_client(auth="required")
    signed_up(client)
    assert client.post("/logout", headers=OURS).status_code == 303
    assert client.get_cookie("selfieless") is None


def test_looking_around_sets_no_cookie(make_client: Any) -> None:
    client = make_client(auth="required")
    client.get("/")
    assert client.get_cookie("selfieless") is None


def test_who_has_logged_in_where_the_clock_is_ahead_is_known_everywhere(start_container: Any) -> None:
    settings = {"ACTS_AUTH": "required", "SESSION_SECRET": "for tests"}
    ahead, right = start_container(clock=+100, **settings), start_container(**settings)
    with requests.Session() as browser:
        browser.post(f"{ahead.site}/signup", data=FORM, headers={"Origin": ahead.site}, timeout=5)
        assert "Log in" not in browser.get(f"{ahead.site}/", timeout=5).text
        assert "Log in" not in browser.get(f"{right.site}/", timeout=5).text
