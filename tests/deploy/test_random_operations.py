"""Anything that may happen, in any order, against a model that says only what must always hold.

Ring and table belong together at every moment; at most one container runs on a port; versions only grow; and once
nobody is on the way any more, what runs is what the table says.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from deploy.container_state import State
from deploy.next_step import Policy
from deploy.runtime.fake import Behaviour
from lb.heartbeat import WorkerBeat
from lb.ring import read_ring

WHO = {"reason": "a test", "by": "pytest"}
NEVER = float("inf")
PORTS = st.sampled_from([8000, 8001, 8002])
BEHAVIOURS = st.sampled_from(
    [
        Behaviour(),
        Behaviour(healthy_after=1),
        Behaviour(healthy_after=NEVER),
        Behaviour(exits_after=0.5),
        Behaviour(healthy_after=NEVER, exits_after=0.2),
        Behaviour(ends_after_term=NEVER),
        Behaviour(ends_after_term=2),
        Behaviour(start_error="no such program"),
    ]
)


class Killed(BaseException):
    """The worker is gone."""


class MortalRuntime:
    """The runtime of a worker that dies right after its next effect on a container."""

    def __init__(self, runtime):
        self.runtime = runtime

    def __getattr__(self, name):
        method = getattr(self.runtime, name)
        if name not in ("start", "terminate", "kill"):
            return method

        def effect(*arguments):
            method(*arguments)
            raise Killed

        return effect


class Model(RuleBasedStateMachine):
    """One history, over a machine that is emptied first."""

    def __init__(self, machine, client) -> None:
        super().__init__()
        self.machine = machine
        self.client = client
        client.flushall()
        world = machine.runtime.world
        for kept in (world.processes, world.strangers, world.scripts):
            kept.clear()
        machine.beats = []
        self.launchers = [machine.launcher(), machine.launcher()]
        self.version = 0

    @rule(port=PORTS)
    def launch(self, port):
        self.machine.orders.launch(port, **WHO)

    @rule(port=PORTS)
    def stop(self, port):
        self.machine.orders.stop(port, **WHO)

    @rule(port=PORTS)
    def relaunch(self, port):
        self.machine.orders.relaunch(port, **WHO)

    @rule(port=PORTS)
    def take_back(self, port):
        self.machine.orders.take_back(port, **WHO)

    @rule(port=PORTS)
    def crash(self, port):
        self.machine.runtime.crash(port)

    @rule(port=PORTS, behaviour=BEHAVIOURS)
    def will_misbehave(self, port, behaviour):
        self.machine.runtime.will(port, behaviour)

    @rule(port=PORTS)
    def stranger_comes_or_goes(self, port):
        if self.machine.runtime.world.on(port) is None:
            self.machine.runtime.world.strangers ^= {port}

    @rule(version=st.sampled_from([0, 9_999_999_999]), requests=st.integers(0, 1), port=PORTS)
    def proxy_says(self, version, requests, port):
        self.machine.beats = [WorkerBeat("w", "host", 1, 0, 0, version, in_flight={port: requests})]

    @rule(which=st.integers(0, 1), seconds=st.sampled_from([0.0, 0.05, 1.0, 4.0]))
    def tend(self, which, seconds):
        self.launchers[which].tend(self.machine.clock())
        self.machine.clock.pass_by(seconds)

    @rule(job=st.sampled_from(["launch", "stop", "relaunch_port"]), port=PORTS, which=st.integers(0, 1))
    def job(self, job, port, which):
        getattr(self.launchers[which], job)(port)

    @rule()
    def worker_dies_in_the_middle(self):
        try:
            self.machine.launcher(MortalRuntime(self.machine.runtime)).tend(self.machine.clock())
        except Killed:
            self.launchers[0] = self.machine.launcher()

    @rule()
    def monitor_looks(self):
        for container in self.machine.table.all():
            if container.state is State.RUNNING and not self.machine.runtime.probe(container.address):
                self.machine.orders.relaunch(container.port, **WHO)

    @invariant()
    def the_ring_is_what_runs_by_the_table(self):
        ring = read_ring(self.client, "acts")
        running = [(c.port, c.address) for c in self.machine.table.all() if c.state is State.RUNNING]
        assert [tuple(member) for member in ring.members] == running

    @invariant()
    def versions_only_grow(self):
        version = read_ring(self.client, "acts").version
        assert version >= self.version
        self.version = version

    @invariant()
    def one_container_for_a_port(self):
        ports = [port for port, _ in self.machine.living()]
        assert len(ports) == len(set(ports))

    def teardown(self):
        self.machine.beats = []
        self.machine.runtime.world.strangers.clear()
        self.machine.runtime.world.scripts.clear()
        for _ in range(8):
            self.monitor_looks()
            self.machine.settle()
            self.machine.clock.pass_by(1)
        assert self.machine.living() == self.machine.expected()
        self.the_ring_is_what_runs_by_the_table()


def test_whatever_happens_the_promises_hold(machine, redis_client):
    machine.policy = Policy(boot_timeout=3, drain_timeout=3, stop_grace=1)  # short, to live through many histories
    run_state_machine_as_test(
        lambda: Model(machine, redis_client),
        settings=settings(
            max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
