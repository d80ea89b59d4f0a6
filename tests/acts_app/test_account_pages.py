"""Signing up, logging in and out, and leaving."""

from typing import Any

import pytest
from acts_samples import API, user

OURS = {"Origin": "http://localhost", "Accept": "text/html"}


def log_in(client: Any, password: str, **form: str) -> Any:
    """Send the form."""
    return client.post("/login", data={"username": "ann", "password": password} | form, headers=OURS)


def test_an_account_of_the_protocol_logs_in_to_the_pages(make_client: Any) -> None:
    client = make_client(auth="required")
    client.post(f"{API}/users", json=user())
    assert log_in(client, "test", next="/upload").headers["Location"] == "/upload"
    assert "ann" in client.get("/account").text


def test_an_account_of_the_pages_works_with_the_protocol(visitor: Any) -> None:
    visitor.delete_cookie("selfieless")
    assert visitor.post(f"{API}/categories", json=["trees"], auth=("ann", "correct horse")).status_code == 201


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("", "correct horse", "choose a name"),
        ("a:b", "correct horse", "without a colon"),
        ("..", "correct horse", "choose a name"),
        ("x" * 41, "correct horse", "40 characters"),
        ("bob", "short", "8 characters"),
        ("ann", "correct horse", "taken"),
    ],
)
def test_a_choice_that_does_not_do_is_told_and_keeps_what_was_typed(
    visitor: Any, name: str, password: str, sentence: str
) -> None:
    visitor.delete_cookie("selfieless")
    got = visitor.post("/signup", data={"username": name, "password": password})
    assert (got.status_code, sentence in got.text) == (400, True)
    assert f'value="{name}"' in got.text


def test_wrong_passwords_are_told_and_counted(make_client: Any) -> None:
    client = make_client(auth="required")
    client.post(f"{API}/users", json=user())
    codes = [log_in(client, f"wrong {n}").status_code for n in range(11)]
    assert codes == [401] * 10 + [429]
    closed = log_in(client, "test")
    assert (closed.status_code, closed.mimetype) == (429, "text/html")
    assert int(closed.headers["Retry-After"]) > 0
    program = client.post("/login", data={"username": "ann"}, headers={"Origin": "http://localhost"})
    assert (program.status_code, list(program.json)) == (429, ["error"])


def test_who_is_logged_in_needs_no_form(visitor: Any) -> None:
    assert [visitor.get(path).status_code for path in ("/login", "/signup")] == [303, 303]


def test_leaving_needs_the_password(visitor: Any) -> None:
    assert visitor.post("/account/remove", data={"password": "guess"}).status_code == 401
    assert visitor.get(f"{API}/users").json == ["ann"]
    assert visitor.post("/account/remove", data={"password": "correct horse"}).status_code == 303
    assert visitor.get(f"{API}/users").status_code == 204


def test_names_are_escaped(make_client: Any) -> None:
    client = make_client(auth="required")
    name = '<b onload="x">&'
    assert client.post("/signup", data={"username": name, "password": "correct horse"}, headers=OURS).status_code == 303
    page = client.get("/account").text
    assert name not in page
    assert "&lt;b onload=&#34;x&#34;&gt;&amp;" in page
