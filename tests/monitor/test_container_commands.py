"""`launch`, `stop`, `drain` and `relaunch` as they are typed, on a real Redis, with no deploy worker behind it."""

import pytest

from autoscaler import override
from deploy import stopped
from deploy.container_state import State
from monitor.container_commands import Hand, launch_each


def test_stop_drains_the_container_and_keeps_its_port_empty(run, ward):
    ward.start(8000, 8001)
    assert run("stop", "8001").exit_code == 0
    assert ward.ring() == [8000]
    assert ward.table.get(8001).state is State.DRAINING
    assert list(stopped.read(ward.redis, "acts")) == [8001]


def test_drain_takes_it_out_of_the_ring_and_waits_until_nobody_uses_it(run, ward):
    ward.start(8000, 8001)
    answer = run("drain", "8001", "--wait")
    assert answer.exit_code == 0
    assert ward.ring() == [8000]
    assert ward.table.get(8001).parked == 1


@pytest.mark.parametrize("order", ["stop", "drain"])
def test_the_last_one_is_only_taken_with_force(run, ward, order):
    ward.start(8000)
    refused = run(order, "8000")
    assert refused.exit_code == 1
    assert "the last one that serves" in refused.output
    assert ward.ring() == [8000]
    assert run(order, "8000", "--force").exit_code == 0
    assert ward.ring() == []


@pytest.mark.parametrize("order", ["stop", "drain", "relaunch"])
def test_a_port_without_container_is_one_sentence(run, redis_client, order):
    answer = run(order, "8007")
    assert answer.exit_code == 1
    assert answer.output.count("\n") == 1
    assert "8007" in answer.output


@pytest.mark.parametrize("order", ["stop", "drain", "relaunch"])
def test_one_that_is_on_its_way_already_is_told_so(run, ward, order):
    ward.start(8000, 8001)
    ward.orders.stop(8001, "test", "test")
    assert run(order, "8001").exit_code == 1


def test_launch_brings_back_what_was_drained_first(run, ward):
    ward.start(8000, 8001, 8002)
    run("drain", "8001")
    assert run("launch", "--wait").exit_code == 0
    assert ward.ring() == [8000, 8001, 8002]
    assert stopped.read(ward.redis, "acts") == {}


def test_launch_more_takes_the_next_ports_and_notes_that_so_many_are_wanted(run, ward):
    ward.start(8000)
    assert run("launch", "2").exit_code == 0
    assert [one.port for one in ward.table.all()] == [8000, 8001, 8002]
    assert ward.redis.zrange("acts:wanted", 0, -1) == ["3"]


def test_a_port_that_the_autoscaler_fills_meanwhile_does_not_keep_the_others_from_being_launched(run, ward):
    ward.start(8000)
    ward.orders.launch(8001, "3 were wanted just now", "autoscaler")
    assert launch_each(Hand(), [8001, 8002]) == [8001]
    assert [one.port for one in ward.table.all()] == [8000, 8001, 8002]


def test_launch_takes_a_port_too(run, ward):
    ward.start(8000, 8001)
    run("drain", "8001")
    assert run("launch", "8001").exit_code == 0
    assert ward.ring() == [8000, 8001]
    assert run("launch", "8001").exit_code == 1


def test_launch_of_more_than_there_may_be_is_refused(run, ward):
    ward.start(8000)
    answer = run("launch", "10")
    assert answer.exit_code == 1
    assert "9 more, not 10" in answer.output
    assert [one.port for one in ward.table.all()] == [8000]


def test_launch_over_a_fixed_number_is_refused(run, ward):
    ward.start(8000)
    override.set_number(ward.redis, ward.service, 1, "ann")
    answer = run("launch")
    assert answer.exit_code == 1
    assert "selfieless scale 2" in answer.output


@pytest.mark.parametrize("number", ["0", "-1", "three"])
def test_launch_of_what_is_no_number_is_a_wrong_command(run, redis_client, number):
    assert run("launch", "--", number).exit_code == 2


def test_relaunch_drains_one_that_serves_and_another_follows(run, ward):
    ward.start(8000, 8001)
    assert run("relaunch", "8001").exit_code == 0
    one = ward.table.get(8001)
    assert (one.state, one.successor) == (State.DRAINING, "v1")
    assert ward.ring() == [8000]


def test_relaunch_tries_one_that_failed_again(run, ward):
    ward.start(8000, 8001)
    ward.move(8001, State.SICK)
    ward.move(8001, State.FAILED)
    assert run("relaunch", "8001").exit_code == 0
    assert ward.table.get(8001).state is State.STARTING
    assert ward.jobs == []


def test_every_order_is_an_event_with_who(run, ward):
    ward.start(8000, 8001, 8002)
    run("stop", "8002")
    run("drain", "8001")
    run("launch", "8001")
    output = run("events").output
    for told in ("stopped by hand", "drained by hand", "launched by hand"):
        assert told in output


def test_the_status_says_what_is_kept_empty_and_by_whom(run, ward):
    ward.start(8000, 8001)
    run("stop", "8001")
    assert "8001 was stopped or drained by " in run("status").output


def test_scale_fixes_the_number_and_auto_gives_it_back(run, ward):
    assert run("scale", "3").output == "Fixed at 3, until `selfieless scale auto`.\n"
    assert override.read(ward.redis, "acts").number == 3
    assert run("scale", "AUTO").output == "Requests decide again.\n"
    assert override.read(ward.redis, "acts").number is None
