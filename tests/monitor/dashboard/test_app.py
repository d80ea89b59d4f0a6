import threading

import pytest
from helpers import eventually

from monitor.dashboard.app import HEADERS, start

READS = ["/", "/state.json", "/healthz", "/nothing"]


@pytest.mark.parametrize("path", READS)
def test_another_name_in_the_host_header_gets_nothing(site, path) -> None:
    answer = site.get(path, headers={"Host": "evil.example:8081"})
    assert answer.status_code == 421
    assert "ADMIN_HOSTS" in answer.json["error"]


@pytest.mark.parametrize("path", READS)
def test_every_answer_forbids_the_browser_what_we_do_not_need(site, path) -> None:
    answer = site.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_from_elsewhere_the_browser_is_asked_for_the_token(site) -> None:
    answer = site.get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_what_is_not_there_is_said_in_json(site) -> None:
    assert site.get("/nothing").status_code == 404
    assert site.get("/nothing").json["error"]
    wrong = site.open("/", method="TRACE", headers={"Authorization": "Bearer an-admin-token"}, json={})
    assert (wrong.status_code, "GET" in wrong.headers["Allow"]) == (405, True)


def test_once_started_it_looks_by_itself(app, parts) -> None:
    leaving = threading.Event()
    until = start(app, lambda: not leaving.is_set())
    eventually(lambda: parts.hub.state.get("rows") == [])
    eventually(lambda: parts.reader.acts_heart.pulse)
    assert parts.hub.alive()
    leaving.set()
    until.set()
    assert not parts.hub.alive()
