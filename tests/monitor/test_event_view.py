"""Events as people and as scripts read them."""

import time

from lb.events import Event, Kind
from monitor.event_view import as_json, as_text

AT = time.mktime((2026, 3, 1, 12, 4, 7, 0, 0, -1))
SICK = Event(Kind.SICK, 8001, "answered 500", "monitor", 1.25, {"pid": "7"}, id=f"{AT * 1000:.0f}-0")
SCALED = Event(Kind.SCALED, None, "1 → 3", "autoscaler", id=f"{AT * 1000:.0f}-1")


def test_an_event_is_one_line_with_everything():
    assert as_text(SICK).plain == "12:04:07  sick        8001  answered 500 (1.2 s)  monitor"


def test_without_a_port_and_a_duration_the_columns_stay_in_line():
    assert as_text(SCALED).plain == "12:04:07  scaled            1 → 3  autoscaler"


def test_the_json_has_every_field():
    assert as_json(SICK) == {
        "id": SICK.id,
        "at": AT,
        "kind": "sick",
        "port": 8001,
        "reason": "answered 500",
        "who": "monitor",
        "seconds": 1.25,
        "pid": "7",
    }
    assert as_json(SCALED)["port"] is None
