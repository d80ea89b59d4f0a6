"""The next step of a rebalancing as tables: where containers are, rows, and what it remembers in; one move out."""

from dataclasses import replace

import pytest

from deploy.container import Container
from deploy.container_state import State
from deploy.rebalance import NO_WAY, Phase, Rebalance, Transfer
from deploy.rebalance_step import Act, Move, Places, Sight, decide, next_move, next_transfer, words_of

NOW = 1000.0
BEGUN = Rebalance().begun(4, by="ann", now=900.0)
WAY = Transfer(8000, "a", "b")
CHOSEN = BEGUN.chosen(WAY, 1, "a 3, b 1", now=950.0)
PORTS = range(8000, 8005)
UNEVEN = "after 4 moves it still is not even: others have come and gone meanwhile; say it again"


def row(port: int, state: State = State.RUNNING, **fields: object) -> Container:
    known = {"image": "v1", "since": 500.0, "created_at": 500.0} | fields
    return Container(port, port - 7999, state, known.pop("generation", 1), **known)


def on(**nodes: str) -> dict[int, str]:
    """on(a="01", b="2") is {8000: "a", 8001: "a", 8002: "b"}."""
    return {8000 + int(digit): node for node, digits in nodes.items() for digit in digits}


@pytest.mark.parametrize(
    ("where", "nodes", "expected"),
    [
        (on(a="0123"), ["a", "b"], Transfer(8000, "a", "b")),
        (on(a="012", b="3"), ["a", "b"], Transfer(8000, "a", "b")),
        (on(b="012", a="3"), ["a", "b"], Transfer(8000, "b", "a")),
        (on(a="01", b="23", c=""), ["a", "b", "c"], Transfer(8000, "a", "c")),  # of equals the first one gives
        (on(a="0", b="1234"), ["a", "b", "c"], Transfer(8001, "b", "c")),  # and the emptiest takes
        (on(a="01", b="2"), ["a", "b"], None),
        (on(a="0", b="1"), ["a", "b", "c"], None),
        (on(a="01", b="23"), ["a", "b"], None),
        (on(a="0123"), ["a"], None),
        (on(a="0123"), [], None),
        ({}, ["a", "b"], None),
        (on(a="012", b="3", paused="45"), ["a", "b"], Transfer(8004, "paused", "b")),  # who takes none is emptied first
        (on(a="0", paused="1"), ["a"], Transfer(8001, "paused", "a")),
        (on(a="0", paused="1"), [], None),
    ],
)
def test_the_lowest_port_of_the_fullest_node_goes_to_the_emptiest(where, nodes, expected):
    assert next_transfer(where, nodes) == expected


@pytest.mark.parametrize("containers", range(10))
@pytest.mark.parametrize("paused", range(4))
@pytest.mark.parametrize("nodes", ["a", "ab", "abc", "abcdefg"])
def test_moves_come_to_an_end_after_as_many_as_are_in_the_wrong_place(containers, nodes, paused):
    where = {port: "p" if port < 8000 + paused else "a" for port in range(8000, 8000 + containers)}
    closed = list(where.values()).count("p")
    at_home = list(where.values()).count("a")
    moved = 0
    while transfer := next_transfer(where, list(nodes)):
        where[transfer.port] = transfer.to
        moved += 1
    counts = [list(where.values()).count(node) for node in nodes]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == containers
    assert moved == closed + max(0, at_home - counts[0])


def test_the_spread_in_words_tells_of_all_nodes():
    assert words_of(on(a="012", gone="3"), ["a", "b"]) == "a 3, b 0, gone 1"


EXTRA = row(8003, surge=1)


@pytest.mark.parametrize(
    ("seen", "containers", "expected"),
    [
        (Rebalance(), [row(8000)], (Act.WAIT, 0)),
        (BEGUN.over(Phase.DONE, "", now=NOW), [row(8000)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), row(8001)], (Act.LOOK, 0)),
        (BEGUN, [row(8000), row(8001, State.STARTING)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), row(8001, since=NOW - 0.5)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), row(8001, State.SICK)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), row(8001, State.FAILED)], (Act.LOOK, 0)),
        (BEGUN, [row(8000), row(8001, State.DRAINING)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), row(8001, State.DRAINING, parked=1)], (Act.LOOK, 0)),  # by hand
        (BEGUN, [row(8000), replace(EXTRA, state=State.STARTING)], (Act.WAIT, 0)),
        (BEGUN, [row(8000), replace(EXTRA, state=State.SICK, attempts=2)], (Act.GO_ALONE, 8003)),
        (BEGUN.without_extra(), [row(8000), replace(EXTRA, state=State.SICK, attempts=2)], (Act.LOOK, 0)),
        (CHOSEN, [row(8000), EXTRA], (Act.MOVE, 8000)),
        (CHOSEN, [row(8000), row(8001, State.SICK)], (Act.WAIT, 0)),  # nobody else serves now
        (CHOSEN, [row(8000, State.DRAINING, successor="v1"), EXTRA], (Act.WAIT, 0)),
        (CHOSEN, [row(8000, State.STOPPING, successor="v1"), EXTRA], (Act.WAIT, 0)),
        (CHOSEN, [row(8000, State.STARTING, generation=2), EXTRA], (Act.WAIT, 0)),
        (CHOSEN, [row(8000, State.SICK, generation=2, attempts=1), EXTRA], (Act.WAIT, 0)),
        (CHOSEN, [row(8000, State.FAILED, generation=2, attempts=6), EXTRA], (Act.STOP, 8000)),
        (CHOSEN, [row(8000, generation=2, since=NOW), EXTRA], (Act.WAIT, 0)),
        (CHOSEN, [row(8000, generation=2), EXTRA], (Act.LOOK, 0)),
        (CHOSEN, [row(8001)], (Act.DROP, 8000)),  # stopped by hand, and gone
        (CHOSEN, [row(8000, State.DRAINING), row(8001)], (Act.DROP, 8000)),
        (CHOSEN, [row(8000, State.DRAINING, parked=1), row(8001)], (Act.DROP, 8000)),
    ],
)
def test_what_is_to_be_waited_for_is_in_the_rows(seen, containers, expected):
    move = next_move(Sight(seen, containers, PORTS, NOW))
    assert (move.act, move.port) == expected


FOUR = [row(port) for port in range(8000, 8004)]
FIVE = [row(port) for port in range(8000, 8005)]


@pytest.mark.parametrize(
    ("seen", "containers", "where", "expected"),
    [
        (BEGUN, FOUR, on(a="0123"), Move(Act.SURGE, 8004, WAY)),
        (BEGUN, [*FOUR, row(8004, surge=1)], on(a="0123", b="4"), Move(Act.CHOOSE, 8000, WAY)),
        (BEGUN.without_extra(), FOUR, on(a="0123"), Move(Act.CHOOSE, 8000, WAY)),
        (BEGUN, FIVE, on(a="01234"), Move(Act.CHOOSE, 8000, WAY)),  # no port is free
        (BEGUN, FOUR, on(a="01", b="23"), Move(Act.FINISH)),
        (BEGUN, [*FOUR, row(8004, surge=1)], on(a="01", b="23", paused="4"), Move(Act.FINISH)),  # it goes by itself
        (BEGUN, FOUR, on(a="012"), Move(Act.WAIT)),  # the runtime does not know one of them
        (BEGUN, [*FOUR[:3], row(8003, State.FAILED)], on(a="0", b="12"), Move(Act.FINISH)),
        (BEGUN, [*FOUR[:3], row(8003, State.DRAINING, parked=1)], on(a="013", b="2"), Move(Act.FINISH)),
        (replace(BEGUN, moved=4), FOUR, on(a="0123"), Move(Act.STOP, 0, NO_WAY, UNEVEN)),
        (CHOSEN, FOUR, on(a="123", b="0"), Move(Act.ARRIVE, 8000, WAY)),
        (CHOSEN, FOUR, on(a="123", c="0"), Move(Act.ARRIVE, 8000, Transfer(8000, "a", "c"))),
        (CHOSEN, FOUR, on(a="123"), Move(Act.WAIT)),
    ],
)
def test_one_after_the_other_until_it_is_even(seen, containers, where, expected):
    assert decide(Sight(seen, containers, PORTS, NOW), Places(where, ["a", "b"])) == expected


def test_one_that_comes_up_where_it_was_ends_it():
    move = decide(Sight(CHOSEN, FOUR, PORTS, NOW), Places(on(a="0123"), ["a", "b"]))
    assert move.act is Act.STOP
    assert move.reason.startswith("8000 has come up on a again, not on b")
