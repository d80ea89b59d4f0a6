"""Whole rebalancings on a fake runtime with nodes and a real table, in virtual time, cut at every effect."""

from collections import Counter

import pytest

from deploy.container_state import State
from deploy.orders import Orders
from deploy.rebalance import Phase
from deploy.rebalancer import Rebalancer, Rebalances
from deploy.runtime.base import RuntimeAway
from deploy.runtime.fake import Behaviour, FakeRuntime
from deploy.worker import DeployWorker
from lb.events import Kind, read
from lb.heartbeat import WorkerBeat
from lb.ring import read_ring
from lb.settings import ServiceSettings

NEVER = float("inf")


class Nodes:
    """Containers that came to be while there were fewer nodes, and the deploy worker that drives all stories."""

    def __init__(self, machine):
        self.machine = machine
        self.world = machine.runtime.world
        self.rebalances = Rebalances(machine.client, machine.service)
        self.smallest = 1000

    def run(self, first: str, joined: str, *ports: int) -> None:
        self.world.nodes = list(first)
        self.machine.run(*ports)
        self.world.nodes = [*first, *joined]

    def begin(self) -> None:
        assert self.rebalances.begin(by="ann", now=self.machine.clock())

    def worker(self, rebalancer=None, launcher=None, roller=None) -> DeployWorker:
        machine = self.machine
        parts = {"launcher": launcher or machine.launcher(), "roller": roller or machine.roller()}
        parts["rebalancer"] = rebalancer or machine.rebalancer()
        self.due = []
        return DeployWorker(
            machine.client,
            machine.service,
            **parts,
            runtime=machine.runtime,
            hurry=self.due.append,
            clock=machine.clock,
        )

    def drive(self, worker=None, meanwhile=lambda: None, within=600.0) -> None:
        """Until nothing is to be done any more."""
        worker, end = worker or self.worker(), self.machine.clock() + within
        while True:
            self.due.clear()
            worker.tick(self.machine.clock())
            meanwhile()
            self.smallest = min(self.smallest, len(self.ring()))
            if not self.due:
                return
            assert self.machine.clock() < end, f"still on the way: {self.rebalances.read()} {self.machine.states()}"
            self.machine.clock.pass_by(min(self.due))

    def ring(self) -> list[int]:
        return [member.port for member in read_ring(self.machine.client, "acts").members]

    def spread(self) -> dict[str, int]:
        return dict(Counter(found.node for found in self.machine.runtime.running()))

    def told(self) -> list[str]:
        return [event.reason for event in self.events()]

    def events(self):
        return [event for event in read(self.machine.client, "acts", count=1000) if event.kind is Kind.REBALANCE]


@pytest.fixture
def nodes(machine):
    return Nodes(machine)


@pytest.mark.parametrize(
    ("first", "joined", "containers", "expected"),
    [
        ("ab", "c", 6, {"a": 2, "b": 2, "c": 2}),
        ("a", "b", 2, {"a": 1, "b": 1}),
        ("a", "b", 3, {"a": 2, "b": 1}),
        ("a", "bc", 9, {"a": 3, "b": 3, "c": 3}),
    ],
)
def test_after_a_node_has_joined_it_gets_its_share_and_the_ring_is_never_smaller(
    machine, nodes, first, joined, containers, expected
):
    ports = range(8000, 8000 + containers)
    nodes.run(first, joined, *ports)
    nodes.begin()
    nodes.drive()
    assert nodes.spread() == expected
    assert nodes.ring() == list(ports)
    assert nodes.smallest == containers
    assert machine.living() == machine.expected()
    assert nodes.rebalances.read().phase is Phase.DONE


def test_with_no_free_port_they_move_one_at_a_time(machine, nodes):
    machine.service = ServiceSettings(max_containers=4)
    nodes.run("a", "b", *range(8000, 8004))
    nodes.begin()
    nodes.drive()
    assert nodes.spread() == {"a": 2, "b": 2}
    assert nodes.smallest == 3


def test_a_node_that_takes_no_more_is_emptied(machine, nodes):
    nodes.run("abc", "", *range(8000, 8006))
    nodes.world.nodes.remove("c")
    nodes.begin()
    nodes.drive()
    assert nodes.spread() == {"a": 3, "b": 3}
    assert (nodes.smallest, nodes.rebalances.read().moved) == (6, 2)


def test_what_is_even_already_stays_as_it_is(machine, nodes):
    nodes.run("ab", "c", 8000, 8001)
    before = machine.living()
    nodes.begin()
    nodes.drive()
    assert machine.living() == before
    assert nodes.told()[-1].startswith("done: a 1, b 1, c 0; 0 moved")


def test_every_move_is_told_with_both_its_nodes(nodes):
    nodes.run("a", "b", 8000, 8001)
    nodes.begin()
    nodes.drive()
    began, leaves, arrives, done = nodes.events()
    assert (began.reason, began.who) == ("began", "ann")
    assert leaves.reason == "moves from a to b: a 2, b 0"
    assert arrives.reason == "has moved from a to b"
    assert {leaves.port, arrives.port} == {8000}
    assert leaves.extra == arrives.extra == {"from_node": "a", "to_node": "b"}
    assert arrives.seconds >= 1
    assert done.reason.startswith("done: a 1, b 1; 1 moved")


def test_a_container_keeps_its_image(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    machine.runtime.world.configured = "v2"
    nodes.begin()
    nodes.drive()
    assert machine.images() == {8000: "v1", 8001: "v1"}


def test_where_there_is_no_room_it_is_said_and_nothing_goes_on_for_ever(machine, nodes):
    nodes.run("a", "b", *range(8000, 8004))
    nodes.world.full = {"b"}
    nodes.begin()
    nodes.drive()
    over = nodes.rebalances.read()
    assert over.phase is Phase.STOPPED
    assert over.reason.startswith("8000 has come up on a again, not on b")
    assert (nodes.spread(), nodes.ring()) == ({"a": 4}, list(range(8000, 8004)))
    assert machine.table.get(8000).place == ""


def test_an_extra_one_that_does_not_start_is_done_without(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    machine.runtime.will(8002, *[Behaviour(start_error="insufficient resources on 2 nodes")] * 2)
    nodes.begin()
    nodes.drive()
    assert nodes.spread() == {"a": 1, "b": 1}
    assert nodes.ring() == [8000, 8001]
    assert any("insufficient resources" in told for told in nodes.told())


def test_one_that_does_not_start_any_more_ends_it(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    machine.runtime.will(8000, *[Behaviour(start_error="no such image")] * 6)
    nodes.begin()
    nodes.drive()
    over = nodes.rebalances.read()
    assert over.phase is Phase.STOPPED
    assert "8000 does not start any more" in over.reason
    assert "no such image" in over.reason


def test_abort_lets_the_one_that_is_on_its_way_arrive_and_moves_no_other(machine, nodes):
    nodes.run("a", "b", *range(8000, 8004))
    nodes.begin()

    worker_holds = [WorkerBeat("w", "host", 1, started=0, beat=0, ring_version=9_999_999_999, in_flight={8000: 1})]

    def abort():
        machine.beats = worker_holds if nodes.rebalances.read().port else []
        if machine.states()[8000] is State.DRAINING and nodes.rebalances.read().is_active:
            assert nodes.rebalances.abort(by="ann", now=machine.clock())

    nodes.drive(meanwhile=abort)
    assert not nodes.rebalances.abort(by="ann", now=machine.clock())
    assert nodes.rebalances.read().phase is Phase.ABORTED
    assert nodes.spread() == {"a": 3, "b": 1}
    assert nodes.ring() == list(range(8000, 8004))


def test_one_that_is_stopped_by_hand_meanwhile_is_let_go(machine, nodes):
    nodes.run("a", "b", *range(8000, 8004))
    nodes.begin()
    done = []

    def stop():
        if not done and nodes.rebalances.read().port:
            done.append(machine.orders.stop(8000, "by hand", "ann"))

    nodes.drive(meanwhile=stop)
    assert nodes.ring() == [8001, 8002, 8003]
    assert nodes.spread() in ({"a": 2, "b": 1}, {"a": 1, "b": 2})
    assert nodes.rebalances.read().phase is Phase.DONE


def test_a_roll_out_that_is_under_way_goes_first(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    assert machine.deploy("v2")
    nodes.begin()
    nodes.drive()
    assert machine.images() == {8000: "v2", 8001: "v2"}
    assert nodes.told()[-1].startswith("done")
    assert nodes.spread() == {"a": 1, "b": 1}


def test_only_one_at_a_time(nodes):
    nodes.begin()
    assert nodes.rebalances.begin(by="bob", now=0.0) is None


class Away(FakeRuntime):
    """Does not answer."""

    def running(self):
        raise RuntimeAway("the swarm cannot be asked")


def test_a_runtime_that_is_away_is_waited_for(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    nodes.begin()
    machine.clock.pass_by(5)
    assert machine.rebalancer(runtime=Away(machine.runtime.world)).tick(machine.clock()) == 1
    nodes.drive()
    assert nodes.spread() == {"a": 1, "b": 1}


def test_without_one_nothing_is_done(machine, nodes):
    nodes.run("a", "b", 8000, 8001)
    before = machine.table.all()
    assert machine.rebalancer().tick(machine.clock()) is None
    assert machine.table.all() == before


class Killed(BaseException):
    """The worker is gone. Nothing may catch this."""


class Mortal:
    """Passes everything on, and dies after a number of effects that all who share `lives` have together."""

    EFFECTS = frozenset({"start", "terminate", "kill", "move", "update", "remove", "add", "eval", "launch", "stop"})

    def __init__(self, target, lives):
        self._target, self._lives = target, lives

    def __getattr__(self, name):
        method = getattr(self._target, name)
        if name not in self.EFFECTS:
            return method

        def call(*arguments, **named):
            answer = method(*arguments, **named)
            self._lives[0] -= 1
            if self._lives[0] <= 0:
                raise Killed
            return answer

        return call


@pytest.mark.parametrize("effects", range(1, 45))
@pytest.mark.parametrize(("most", "full"), [(10, ""), (4, ""), (10, "b")], ids=["extra", "no free port", "no room"])
def test_whoever_dies_after_any_effect_the_next_one_goes_on(machine, jobs, nodes, most, full, effects):
    machine.service = ServiceSettings(max_containers=most)
    nodes.run("a", "b", *range(8000, 8004))
    nodes.world.full = set(full)
    nodes.begin()
    lives = [effects]
    table, runtime = Mortal(machine.table, lives), Mortal(machine.runtime, lives)
    orders = Orders(table, Mortal(jobs, lives), machine.clock)
    rebalancer = Rebalancer(Mortal(machine.client, lives), machine.service, table, orders, runtime)
    worker = nodes.worker(rebalancer, machine.launcher(runtime, table), machine.roller(table, orders))
    try:
        nodes.drive(worker)
    except Killed:
        nodes.drive()
    assert nodes.rebalances.read().phase is (Phase.STOPPED if full else Phase.DONE)
    assert nodes.spread() == ({"a": 4} if full else {"a": 2, "b": 2})
    assert nodes.ring() == list(range(8000, 8004))
    assert machine.living() == machine.expected()
    assert nodes.smallest >= (4 if most == 10 else 3)


def test_two_who_drive_it_at_once_end_as_one_does(machine, nodes):
    nodes.run("ab", "c", *range(8000, 8006))
    nodes.begin()
    other = nodes.worker()
    nodes.drive(nodes.worker(), meanwhile=lambda: other.tick(machine.clock()))
    assert nodes.spread() == {"a": 2, "b": 2, "c": 2}
    assert nodes.rebalances.read().moved == 2
