"""The status as people and as scripts read it."""

import io
import json

import pytest
from rich.console import Console

from autoscaler.decision_log import entry_for, queue_append
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from deploy.rebalance import rebalance_key
from lb import request_window
from monitor.snapshot import read
from monitor.status_view import FIRST_COLUMNS, as_json, as_text, duration


def shown(ward, width: int = 200, **how) -> str:
    file = io.StringIO()
    Console(file=file, width=width, **how).print(as_text(read(ward.redis, ward.service, now=ward.now)))
    return file.getvalue()


@pytest.fixture
def busy(ward):
    """Three containers, one of them sick, and 41 requests."""
    ward.start(8000, 8001, 8002)
    ward.move(8001, State.SICK)
    pipe = ward.redis.pipeline()
    for n in range(41):
        request_window.record(pipe, "acts", f"w:{n}", ward.now)
    pipe.execute()
    return ward


def test_the_first_four_columns_are_exactly_the_services_own_table(busy):
    header, *rows = shown(busy).splitlines()[1:5]
    assert header.startswith("Container number  Port  Status  Turn  State")
    assert [row.split()[:5] for row in rows] == [
        ["1", "8000", "True", "0", "running"],
        ["2", "8001", "False", "0", "sick"],
        ["3", "8002", "True", "1", "running"],
    ]


def test_the_headline_says_how_many_are_wanted_and_when_one_more_is(busy):
    assert shown(busy).splitlines()[0] == (
        "2 in the ring, 3 wanted for 41 requests in the last 120 s, one more at 60; automatic"
    )


def test_troubles_stand_at_the_end(busy):
    assert "! 8001 is sick: test" in shown(busy)


def test_a_file_gets_no_colours(busy):
    assert "\x1b" not in shown(busy)


def test_a_terminal_gets_colours(busy):
    assert "\x1b[31m" in shown(busy, force_terminal=True, color_system="standard")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_first_four_columns_survive_a_narrow_terminal(busy, width):
    header = next(line for line in shown(busy, width).splitlines() if line.startswith(FIRST_COLUMNS[0]))
    assert header.split("  ")[:3] == list(FIRST_COLUMNS[:3])
    assert FIRST_COLUMNS[3] in header


def test_a_reason_in_brackets_is_no_markup(ward):
    ward.start(8000)
    container = ward.table.get(8000)
    ward.table.move(container, State.SICK, now=ward.now, reason="[red]broke [/off]", by="test")
    assert "[red]broke [/off]" in shown(ward)


def test_the_json_has_the_same_facts(busy):
    facts = json.loads(json.dumps(as_json(read(busy.redis, busy.service, now=busy.now))))
    first = [[row[name] for name in ("number", "port", "status", "turn")] for row in facts["containers"]]
    assert first == [[1, 8000, True, 0], [2, 8001, False, 0], [3, 8002, True, 1]]
    assert facts["requests"] == {"count": 41, "window": 120.0}
    assert (facts["wanted"], facts["fixed"], facts["held"]) == (3, None, None)
    assert facts["ring"]["ports"] == [8000, 8002]
    assert facts["parts"]["monitor"] == {"alive": False, "standing_by": []}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (7100, "118 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_durations_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words


def test_the_shadow_policy_is_shown_where_there_is_one(ward):
    policy, pipe = Policy(requests_per_container=5), ward.redis.pipeline()
    (decision, _), (shadow, _) = (
        decide(Measured(ward.now - 1, 12, 500, 1), {1: ward.now - 2}, p) for p in (Policy(), policy)
    )
    queue_append(pipe, "acts", entry_for(decision, {}, Plan(), shadow))
    pipe.execute()
    assert f"the shadow policy would have 3: {policy}" in shown(ward)
    assert as_json(read(ward.redis, ward.service, now=ward.now))["shadow_target"] == 3


def facts_of(ward) -> dict:
    return json.loads(json.dumps(as_json(read(ward.redis, ward.service, now=ward.now))))


@pytest.fixture
def spread(ward):
    """Two containers, each on a node."""
    ward.start(8000, 8001)
    for port, node in ((8000, "node1"), (8001, "node2")):
        ward.table.update(ward.table.get(port), node=node)
    return ward


def test_on_one_machine_no_node_is_shown(busy):
    assert "Node" not in shown(busy)
    assert [row["node"] for row in facts_of(busy)["containers"]] == [None] * 3


def test_where_there_are_nodes_each_container_shows_its_own(spread):
    header, *rows = shown(spread).splitlines()[1:4]
    assert header.split()[-1] == "Node"
    assert [row.split()[-1] for row in rows] == ["node1", "node2"]
    assert [row["node"] for row in facts_of(spread)["containers"]] == ["node1", "node2"]


def test_one_that_has_no_node_yet_leaves_its_cell_empty(spread):
    spread.table.add(8002, now=spread.now, reason="test", by="test")
    assert "Node" in shown(spread)
    assert [row["node"] for row in facts_of(spread)["containers"]] == ["node1", "node2", None]


def test_node_and_image_both_stand_in_the_middle_of_a_roll_out(spread):
    spread.table.update(spread.table.get(8001), image="v2")
    header, *rows = shown(spread).splitlines()[1:4]
    assert header.split()[-2:] == ["Node", "Image"]
    assert [row.split()[-2:] for row in rows] == [["node1", "v1"], ["node2", "v2"]]


def test_a_rebalance_that_is_under_way_is_noted_with_what_moves(spread):
    way = {"port": 8000, "origin": "node1", "to": "node2", "moved": 1}
    spread.redis.hset(rebalance_key("acts"), mapping={"phase": "moving", "by": "ann", **way})
    assert (
        "a rebalance is under way: 8000 moves from node1 to node2; 1 moved so far, begun by ann: "
        "`selfieless rebalance --status`" in shown(spread)
    )
    assert facts_of(spread)["rebalance"] == "moving"


def test_a_rebalance_that_is_over_is_not_noted(spread):
    assert facts_of(spread)["rebalance"] is None
    spread.redis.hset(rebalance_key("acts"), mapping={"phase": "done", "by": "ann"})
    assert "rebalance" not in shown(spread)
    assert facts_of(spread)["rebalance"] == "done"
