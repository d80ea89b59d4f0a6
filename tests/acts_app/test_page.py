"""What all pages share."""

from typing import Any

import pytest

from acts_app.page import local_path, segment

HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/acts/1", "/acts/1"),
        ("/categories/a%2Fb?before=1", "/categories/a%2Fb?before=1"),
        ("http://localhost/acts/1", "/acts/1"),
        ("http://localhost", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("http://localhost//evil.example", "/"),
        ("http://localhost.evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_nobody_is_sent_to_another_site(client: Any, url: str | None, path: str) -> None:
    with client.application.test_request_context("/"):
        assert local_path(url) == path


def test_a_name_is_one_segment() -> None:
    assert segment("a/b?c#d") == "a%2Fb%3Fc%23d"


@pytest.mark.parametrize("path", ["/upload", "/account", "/acts/1/remove"])
def test_a_stranger_is_sent_to_log_in_and_comes_back(client: Any, path: str) -> None:
    got = client.get(path, headers=HTML)
    assert got.status_code == 303
    assert got.headers["Location"] == f"/login?next={path.replace('/', '%2F')}"


def test_a_script_of_a_stranger_gets_401(client: Any) -> None:
    got = client.post("/acts/1/upvote", headers={"X-Requested-With": "fetch"})
    assert (got.status_code, got.headers["WWW-Authenticate"], list(got.json)) == (401, "Session", ["error"])


def test_a_person_is_told_on_a_page_and_a_program_in_json(client: Any) -> None:
    page, program = client.get("/nothing", headers=HTML), client.get("/nothing")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert (program.status_code, list(program.json)) == (404, ["error"])


def test_a_page_about_a_store_that_is_away_needs_no_store(make_client: Any) -> None:
    got = make_client(redis_url="unix:///nowhere/acts.sock").get("/", headers=HTML)
    assert (got.status_code, got.mimetype, got.headers["Retry-After"]) == (503, "text/html", "1")
    assert "The store cannot be reached." in got.text


def test_pages_are_not_kept_by_shared_caches(client: Any) -> None:
    got = client.get("/")
    assert got.headers["Cache-Control"] == "private, no-cache"
    assert {"cookie", "x-requested-with"} <= got.vary.as_set()
