"""A person's orders on a real table: what they do, and that a port stays as it was left."""

import pytest

from deploy import stopped
from deploy.by_hand import ByHand
from deploy.container_state import State
from deploy.runtime.base import KillFailed
from deploy.stopped import Stopped
from lb.events import read
from lb.ring import read_ring


@pytest.fixture
def by_hand(machine):
    return ByHand(machine.client, machine.service, machine.orders, machine.clock)


def ring(machine) -> list[int]:
    return [member.port for member in read_ring(machine.client, "acts").members]


def told(machine) -> list[tuple[str, int | None, str, str]]:
    events = read(machine.client, "acts", count=1000)
    return [(event.reason, event.port, event.who) for event in events if event.kind == "ordered"]


def test_a_stopped_container_is_drained_and_gone_and_its_port_is_marked(machine, by_hand, clock):
    machine.run(8000, 8001)
    at = clock()
    assert by_hand.stop(8001, "ann")
    machine.settle()
    assert machine.states() == {8000: State.RUNNING}
    assert stopped.read(machine.client, "acts") == {8001: Stopped("ann", at)}
    assert told(machine) == [("stopped by hand", 8001, "ann")]


def test_a_drained_container_leaves_the_ring_and_stays_up(machine, by_hand, clock):
    machine.run(8000, 8001)
    assert by_hand.drain(8001, "ann")
    machine.settle()
    clock.pass_by(3600)
    assert machine.launcher().tend(clock()) is None
    assert ring(machine) == [8000]
    assert machine.states() == {8000: State.RUNNING, 8001: State.DRAINING}
    assert len(machine.living()) == 2


def test_launch_puts_a_drained_container_into_the_ring_again(machine, by_hand):
    machine.run(8000, 8001)
    before = machine.living()
    by_hand.drain(8001, "ann")
    machine.settle()
    assert by_hand.launch(8001, "bob")
    assert ring(machine) == [8000, 8001]
    assert machine.living() == before
    assert stopped.read(machine.client, "acts") == {}
    assert machine.table.get(8001).parked == 0


def test_launch_starts_another_one_where_it_was_stopped(machine, by_hand):
    machine.run(8000, 8001)
    by_hand.stop(8001, "ann")
    machine.settle()
    assert by_hand.launch(8001, "bob")
    machine.settle()
    assert ring(machine) == [8000, 8001]


def test_a_drained_container_can_be_stopped(machine, by_hand):
    machine.run(8000, 8001)
    by_hand.drain(8001, "ann")
    machine.settle()
    assert by_hand.stop(8001, "ann")
    machine.settle()
    assert machine.states() == {8000: State.RUNNING}
    assert list(stopped.read(machine.client, "acts")) == [8001]


def test_an_order_that_cannot_be_carried_out_changes_nothing(machine, by_hand):
    machine.run(8000)
    assert not by_hand.stop(8001, "ann")
    assert not by_hand.drain(8001, "ann")
    assert not by_hand.launch(8000, "ann")
    assert stopped.read(machine.client, "acts") == {}
    assert told(machine) == []


def test_a_second_stop_leaves_the_first_ones_mark(machine, by_hand):
    machine.run(8000, 8001)
    by_hand.stop(8001, "ann")
    machine.settle()
    assert not by_hand.stop(8001, "bob")
    assert stopped.read(machine.client, "acts")[8001].by == "ann"


def test_who_stops_it_behind_our_back_is_obeyed(machine, by_hand):
    machine.run(8000, 8001)
    machine.runtime.stop_by_hand(8001)
    machine.orders.relaunch(8001, "it does not answer", "monitor")
    machine.settle(machine.launcher(note_stopped=lambda port: by_hand.note_stopped(port, "somebody")))
    assert machine.states() == {8000: State.RUNNING}
    assert list(stopped.read(machine.client, "acts")) == [8001]


class Tough:
    """A runtime whose first kills fail; `asked` happens while it is asked who has ended a container."""

    def __init__(self, runtime, kills: int = 0, asked=lambda: None):
        self.runtime, self.kills, self.asked = runtime, kills, asked

    def kill(self, runtime_id):
        if self.kills:
            self.kills -= 1
            raise KillFailed("still there")
        self.runtime.kill(runtime_id)

    def stopped_by_hand(self, runtime_id):
        self.asked()
        return self.runtime.stopped_by_hand(runtime_id)

    def __getattr__(self, name):
        return getattr(self.runtime, name)


def test_a_stop_behind_our_back_is_told_once_however_often_its_kill_fails(machine, by_hand):
    machine.run(8000, 8001)
    machine.runtime.stop_by_hand(8001)
    machine.orders.relaunch(8001, "it does not answer", "monitor")
    tough = Tough(machine.runtime, kills=3)
    machine.settle(machine.launcher(tough, note_stopped=lambda port: by_hand.note_stopped(port, "somebody")))
    assert tough.kills == 0
    assert machine.states() == {8000: State.RUNNING}
    assert told(machine) == [("stopped by hand", 8001, "somebody")]


def test_a_stop_behind_our_back_that_two_workers_notice_is_told_once(machine, by_hand):
    def note(port: int) -> None:
        by_hand.note_stopped(port, "somebody")

    machine.run(8000, 8001)
    machine.runtime.stop_by_hand(8001)
    machine.orders.relaunch(8001, "it does not answer", "monitor")
    other = machine.launcher(note_stopped=note)
    machine.settle(machine.launcher(Tough(machine.runtime, asked=lambda: other.relaunch_port(8001)), note_stopped=note))
    assert machine.states() == {8000: State.RUNNING}
    assert told(machine) == [("stopped by hand", 8001, "somebody")]


def test_who_launches_it_again_while_its_kill_fails_is_not_overruled(machine, by_hand):
    machine.run(8000, 8001)
    machine.runtime.stop_by_hand(8001)
    machine.orders.relaunch(8001, "it does not answer", "monitor")
    launcher = machine.launcher(
        Tough(machine.runtime, kills=3), note_stopped=lambda port: by_hand.note_stopped(port, "x")
    )
    machine.tend_for(0.2, launcher)
    by_hand.launch(8001, "ann")
    machine.settle(launcher)
    assert stopped.read(machine.client, "acts") == {}


def test_one_that_died_by_itself_is_relaunched(machine, by_hand):
    machine.run(8000)
    machine.runtime.crash(8000)
    machine.orders.relaunch(8000, "it does not answer", "monitor")
    machine.settle(machine.launcher(note_stopped=lambda port: by_hand.note_stopped(port, "somebody")))
    assert ring(machine) == [8000]


def test_a_relaunch_keeps_the_port_and_says_who_wanted_it(machine, by_hand):
    machine.run(8000, 8001)
    before = machine.table.get(8001).generation
    assert by_hand.relaunch(8001, "ann")
    machine.settle()
    assert machine.states() == {8000: State.RUNNING, 8001: State.RUNNING}
    assert machine.table.get(8001).generation > before
    assert told(machine) == [("relaunched by hand", 8001, "ann")]


def test_nothing_is_relaunched_where_nothing_is(machine, by_hand):
    machine.run(8000)
    assert not by_hand.relaunch(8001, "ann")
    assert told(machine) == []
