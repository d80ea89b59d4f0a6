"""The rebalancing's hash on a real Redis, and how its states follow each other."""

from dataclasses import replace

from deploy import rebalance
from deploy.rebalance import Phase, Rebalance, Transfer, event_of, event_of_move
from lb.events import read as read_events

WAY = Transfer(8000, "a", "b")
BEGUN = Rebalance().begun(3, by="ann", now=100.0)
CHOSEN = BEGUN.chosen(WAY, 7, "a 3, b 1", now=101.0)


def test_what_is_written_is_read_again(redis_client):
    written = rebalance.change(redis_client, "acts", Rebalance(), CHOSEN, event_of("a test", "pytest"))
    assert rebalance.read(redis_client, "acts") == written == replace(CHOSEN, moves=1)


def test_a_forgotten_one_is_as_none(redis_client):
    rebalance.change(redis_client, "acts", Rebalance(), BEGUN, event_of("a test", "pytest"))
    rebalance.forget(redis_client, "acts")
    assert rebalance.read(redis_client, "acts") == Rebalance()


def test_the_event_of_a_move_names_both_nodes(redis_client):
    event = event_of_move("has moved", "pytest", WAY, 2.5)
    rebalance.change(redis_client, "acts", Rebalance(), BEGUN, event)
    (told,) = read_events(redis_client, "acts")
    assert (told.port, told.seconds, told.extra) == (8000, 2.5, {"from_node": "a", "to_node": "b"})


def test_a_move_is_remembered_until_it_has_arrived():
    assert (CHOSEN.way, CHOSEN.generation, CHOSEN.left, CHOSEN.is_active) == (WAY, 7, 101.0, True)
    assert CHOSEN.arrived() == replace(BEGUN, moved=1, spread="a 3, b 1")
    assert CHOSEN.dropped() == replace(BEGUN, spread="a 3, b 1")


def test_it_says_what_is_on_its_way_and_how_far_it_is():
    assert CHOSEN.progress == "8000 moves from a to b; 0 moved so far"
    assert CHOSEN.arrived().progress == "no container is on its way; 1 moved so far"


def test_it_can_be_read_together_with_others(redis_client):
    rebalance.change(redis_client, "acts", Rebalance(), CHOSEN, event_of("a test", "pytest"))
    pipe = redis_client.pipeline()
    rebalance.queue_read(pipe, "acts")
    assert rebalance.rebalance_of(pipe.execute()[0]) == replace(CHOSEN, moves=1)


def test_it_ends_with_a_reason_or_even():
    stopped = CHOSEN.over(Phase.STOPPED, "no room", now=200.0)
    assert (stopped.phase, stopped.reason, stopped.port, stopped.is_active) == (Phase.STOPPED, "no room", 0, False)
    done = CHOSEN.arrived().without_extra().done("a 2, b 2", now=200.0)
    assert (done.phase, done.spread, done.moved, done.alone, done.since) == (Phase.DONE, "a 2, b 2", 1, 1, 200.0)


def test_the_next_one_knows_nothing_of_the_one_before():
    again = replace(CHOSEN.arrived().without_extra().over(Phase.STOPPED, "no room", now=200.0), moves=9)
    assert again.begun(3, by="ann", now=100.0) == replace(BEGUN, moves=9)
