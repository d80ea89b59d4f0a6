import json
from itertools import islice

import pytest

from monitor.dashboard.hub import FRAMES_KEPT, Full, Hub, News


def told(text: str) -> tuple[str, dict]:
    """Kind and data of a Server-Sent Event."""
    head, data = text.strip().split("\n")
    return head.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_who_comes_gets_everything_and_then_what_is_new() -> None:
    hub = Hub(2)
    hub.publish(News({"n": 1}, [{"id": "a"}], [(0, 1)]))
    hub.publish(News({"n": 2}, [{"id": "b"}], [(5, 1)]))
    messages = hub.listen()
    kind, data = told(next(messages))
    assert (kind, data["state"]) == ("hello", {"n": 2})
    assert ([event["id"] for event in data["events"]], data["points"]) == (["a", "b"], [[0, 1], [5, 1]])
    hub.publish(News({"n": 3}))
    hub.publish(News({"n": 4}, [{"id": "c"}]))
    kinds, states = zip(*(told(text) for text in islice(messages, 2)), strict=True)
    assert kinds == ("tick", "tick")
    assert [data["state"]["n"] for data in states] == [3, 4]


def test_who_is_too_slow_gets_everything_again() -> None:
    hub = Hub(2)
    hub.publish(News({"n": 0}))
    messages = hub.listen()
    next(messages)
    for n in range(FRAMES_KEPT + 5):
        hub.publish(News({"n": n}, [{"id": str(n)}]))
    kind, data = told(next(messages))
    assert (kind, len(data["events"])) == ("hello", FRAMES_KEPT + 5)


def test_there_is_no_room_for_more_than_the_limit_until_somebody_leaves() -> None:
    hub = Hub(2)
    hub.listen()
    hub.listen()
    with pytest.raises(Full):
        hub.listen()
    hub.leave()
    hub.listen()
    assert hub.listeners == 2


def test_a_quiet_line_says_that_it_is_there() -> None:
    assert next(Hub(1).listen()).startswith(":")


def test_messages_end_when_the_server_leaves() -> None:
    hub = Hub(1, alive=lambda: False)
    assert list(hub.listen()) == []
