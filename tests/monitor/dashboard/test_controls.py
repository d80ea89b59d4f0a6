import time

import pytest
from helpers import eventually

from deploy.container_state import State
from lb import events
from lb.events import Kind

TOKEN = "an-admin-token"
PATHS = ["/unlock", "/scale", "/relaunch", "/drain", "/launch", "/drill"]


@pytest.fixture
def post(site):
    """Posts as the page does, unlocked by ann."""

    def it(path: str, **values):
        return site.post(path, json={"by": "ann", **values}, headers={"Authorization": f"Bearer {TOKEN}"})

    return it


def told(client) -> list[tuple[Kind, int | None, str]]:
    """Kind, port and who of the last events."""
    return [(event.kind, event.port, event.who) for event in events.last(client, "acts", 3)]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_changes(site, ward, path) -> None:
    ward.start(8000)
    before = ward.redis.dbsize(), len(told(ward.redis))
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "http://x.y"},
    ):
        assert site.post(path, json={"port": 8000, "number": 2}, headers=headers).status_code in (401, 403)
    assert site.get(path).status_code == 405
    assert (ward.redis.dbsize(), len(told(ward.redis))) == before


def test_the_right_token_unlocks(post) -> None:
    assert post("/unlock").status_code == 200


def test_a_number_can_be_fixed_and_given_back_and_events_say_by_whom(post, redis_client) -> None:
    assert post("/scale", number=3).status_code == 200
    assert redis_client.hgetall("acts:scale")["number"] == "3"
    assert told(redis_client)[-1] == (Kind.SCALED, None, "ann (dashboard)")
    assert post("/scale", number=None).json == {"done": "Requests decide again."}
    assert "number" not in redis_client.hgetall("acts:scale")


@pytest.mark.parametrize("number", [0, 11, -1, "3", 2.5, True, []])
def test_a_number_that_cannot_be_is_refused(post, number) -> None:
    answer = post("/scale", number=number)
    assert (answer.status_code, bool(answer.json["error"])) == (400, True)


def test_a_container_that_serves_is_drained_before_it_is_replaced(post, ward) -> None:
    ward.start(8000, 8001)
    ward.table.update(ward.table.get(8001), image="acts@1")
    assert post("/relaunch", port=8001).status_code == 202
    assert (ward.ring(), ward.table.get(8001).state) == ([8000], State.DRAINING)
    assert told(ward.redis)[-1] == (Kind.ORDERED, 8001, "ann (dashboard)")


def test_a_container_that_has_failed_is_tried_again_at_once(post, ward) -> None:
    ward.start(8000)
    ward.table.add(8001, now=ward.now, reason="test", by="test")
    ward.move(8001, State.FAILED)
    assert post("/relaunch", port=8001).status_code == 202
    assert ward.table.get(8001).state is State.STARTING


def test_a_container_can_be_drained_and_put_back(post, ward, parts) -> None:
    ward.start(8000, 8001)
    assert post("/drain", port=8001).status_code == 202
    assert (ward.ring(), ward.table.get(8001).parked) == ([8000], 1)
    assert told(ward.redis)[-1] == (Kind.ORDERED, 8001, "ann (dashboard)")
    parts.reader.tick(time.time())
    assert parts.hub.state["rows"][1]["state"] == "drained"
    assert post("/launch", port=8001).status_code == 202
    assert ward.ring() == [8000, 8001]
    assert post("/launch", port=8001).status_code == 409


def test_the_last_one_that_serves_is_not_drained_by_a_click(post, ward) -> None:
    ward.start(8000)
    answer = post("/drain", port=8000)
    assert (answer.status_code, ward.ring()) == (409, [8000])
    assert "last one" in answer.json["error"]


@pytest.mark.parametrize("path", ["/relaunch", "/drain"])
def test_where_nothing_runs_that_is_said(post, path) -> None:
    answer = post(path, port=8004)
    assert answer.status_code == 409
    assert "8004" in answer.json["error"]


@pytest.mark.parametrize("port", [None, "8000", 7999, 8010, 80, True])
def test_a_port_that_no_container_has_is_refused(post, port) -> None:
    assert post("/relaunch", port=port).status_code == 400


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"1" * 5000])
def test_what_is_no_object_is_refused(site, sent) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    assert site.post("/scale", data=sent, headers=headers).status_code in (400, 413)


@pytest.mark.parametrize(
    ("name", "shown"), [("  a\nn\x00n ", "ann"), ("", "somebody"), ("x" * 100, "x" * 40), (None, "somebody")]
)
def test_a_name_is_made_fit_for_a_line(site, redis_client, name, shown) -> None:
    site.post("/scale", json={"by": name, "number": 2}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert told(redis_client)[-1][2] == f"{shown} (dashboard)"


def test_a_drill_is_begun_once_and_events_say_by_whom(post, parts, redis_client) -> None:
    assert post("/drill", fault="kill", port=8001).status_code == 202
    assert told(redis_client)[-1] == (Kind.ORDERED, 8001, "ann (dashboard)")
    assert post("/drill", fault="kill", port=8001).status_code == 409
    eventually(lambda: not parts.drills.running)


@pytest.mark.parametrize("sent", [{"fault": "rm -rf"}, {}, {"fault": ["kill"]}, {"fault": "kill", "port": 80}])
def test_a_fault_that_nobody_knows_is_refused(post, sent) -> None:
    assert post("/drill", **sent).status_code == 400
