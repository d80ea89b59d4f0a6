"""Monitor, autoscaler and launcher over one table, in virtual time: what they do to each other while things go wrong.

Everything decides for real, on a real Redis; only the containers are the fake runtime's, and time is told.
"""

import random

import pytest

from autoscaler import override
from autoscaler.memory import since_key
from autoscaler.policy import Policy
from autoscaler.scaler import Scaler
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.launcher import Launcher
from deploy.next_step import Policy as LauncherPolicy
from deploy.orders import Orders
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from lb import request_window
from lb.ring import read_ring
from lb.settings import ServiceSettings
from monitor import hold
from monitor.poller import Poller
from monitor.probe import Outcome, Probe
from monitor.reconcile import Reconciler

START = 1_700_000_000.0
POLICY = Policy(window=20, requests_per_container=5, stabilization=10, maximum=5)
QUIET = 150  # seconds after which everything must have come to rest: a FAILED one is tried again after 60


class Nowhere:
    """A queue whose jobs are lost: the launcher finds the work in the table."""

    def launch(self, container):
        """Lost."""

    stop = relaunch_port = launch


class Site:
    """The parts, each as often as `each` says, and hands that break things."""

    def __init__(self, client, each=1):
        self.redis, self.now, self.each = client, START, each
        self.service = ServiceSettings(max_containers=POLICY.maximum)
        self.table = ContainerTable(client, self.service)
        self.world = World(clock=lambda: self.now)
        self.runtime = FakeRuntime(self.world)
        self.orders = Orders(self.table, Nowhere(), clock=lambda: self.now)
        self.launcher = Launcher(
            self.table,
            self.runtime,
            probe=self.runtime.probe,
            beats=lambda: [],
            clock=lambda: self.now,
            policy=LauncherPolicy(),
        )
        self.hung, self.store_away, self.requests, self.version = set(), False, 0, 0
        self.start_monitor()
        self.start_autoscaler()

    def start_monitor(self):
        parts = (self.redis, self.service, self.table, self.orders)
        self.pollers = [Poller(*parts, self) for _ in range(self.each)]
        self.reconcilers = [Reconciler(*parts, self.runtime) for _ in range(self.each)]

    def start_autoscaler(self):
        parts = (self.redis, self.service, POLICY, self.table, self.orders)
        self.scalers = [Scaler(*parts) for _ in range(self.each)]

    def ask(self, containers):
        """The probes: what the fake container would answer."""
        for container in containers:
            yield container, self.answer(container)

    def answer(self, container):
        process = self.world.on(container.port)
        if process is None:
            return Probe(Outcome.REFUSED, detail="refused the connection")
        if process.id in self.hung:
            return Probe(Outcome.TIMED_OUT, detail="no answer within 0.8 s")
        if self.store_away:
            return Probe(Outcome.ANSWERED, 500, detail="answered 500", store_unreachable=True)
        return Probe(Outcome.ANSWERED, 200 if process.well else 500, detail="answered")

    def live(self, seconds):
        """Seconds go by."""
        for quarter in range(seconds * 4):
            self.now += 0.25
            self.launcher.tend(self.now)
            self.tick(quarter)
            self.check()

    def tick(self, quarter):
        """Who ticks in this quarter of a second."""
        if quarter % 4 == 1:
            for poller in self.pollers:
                poller.timer(self.now)
        if quarter % 4 == 2:
            decisions = [scaler.tick(self.now) for scaler in self.scalers]
            assert None not in decisions
        if quarter % 8 == 3:
            for reconciler in self.reconcilers:
                reconciler.tick(self.now)

    def check(self):
        """What holds at any moment."""
        containers, ring = self.table.all(), read_ring(self.redis, "acts")
        assert [member.port for member in ring.members] == [one.port for one in containers if one.status]
        living = [process.port for process in self.world.living()]
        assert len(living) == len(set(living))
        assert all(8000 <= port < 8000 + POLICY.maximum for port in living)
        assert ring.version >= self.version
        self.version = ring.version

    def come(self, number):
        pipe = self.redis.pipeline()
        for _ in range(number):
            self.requests += 1
            request_window.record(pipe, "acts", request_window.member("w", self.requests), self.now)
        pipe.execute()

    def states(self):
        return {one.port: one.state for one in self.table.all()}

    def running(self):
        return [port for port, state in self.states().items() if state is State.RUNNING]

    def lose_redis(self):
        """The state Redis comes back empty."""
        self.redis.flushall()
        self.version = 0

    def hang(self, port):
        process = self.world.on(port)
        if process:
            self.hung.add(process.id)

    def at_rest(self, expected):
        """Everything has come to rest with so many containers."""
        ports = list(range(8000, 8000 + expected))
        assert self.states() == dict.fromkeys(ports, State.RUNNING)
        assert [process.port for process in self.world.living()] == ports
        assert {one.port: one.runtime_id for one in self.table.all()} == {p.port: p.id for p in self.world.living()}
        assert hold.read(self.redis, "acts") is None


@pytest.fixture
def site(redis_client):
    site = Site(redis_client)
    site.live(2)
    return site


def test_it_starts_with_one_container(site):
    site.at_rest(1)


def test_requests_bring_containers_and_quiet_takes_them_away(site):
    site.come(14)
    site.live(3)
    site.at_rest(3)
    site.live(40)
    site.at_rest(1)


@pytest.mark.parametrize("how", ["crash", "sicken", "hang"])
def test_a_sick_container_is_replaced_on_its_port(site, how):
    override.set_number(site.redis, site.service, 3, "ann")
    site.live(3)
    before = site.world.on(8001).id
    {"crash": site.runtime.crash, "sicken": site.runtime.sicken, "hang": site.hang}[how](8001)
    site.live(5)
    site.at_rest(3)
    assert site.world.on(8001).id != before


def test_a_relaunch_does_not_disturb_the_scaling(site):
    site.come(14)
    site.live(3)
    for port in (8000, 8001, 8002):
        site.runtime.sicken(port)
    site.live(1)
    site.come(10)
    site.live(4)
    site.at_rest(5)


def test_while_the_store_is_away_nobody_is_replaced_and_scaling_waits_for_nothing(site):
    override.set_number(site.redis, site.service, 3, "ann")
    site.live(3)
    before = {process.id for process in site.world.living()}
    site.store_away = True
    site.live(30)
    assert site.running() == [8000, 8001, 8002]
    site.store_away = False
    site.live(3)
    site.at_rest(3)
    assert {process.id for process in site.world.living()} == before


def test_containers_that_all_hang_come_back_one_after_the_other(site):
    override.set_number(site.redis, site.service, 3, "ann")
    site.live(3)
    for port in (8000, 8001, 8002):
        site.hang(port)
    site.live(3)
    assert len(site.running()) >= 2  # they are out of order, but only one is being replaced
    site.live(8)
    site.at_rest(3)


def test_a_redis_that_comes_back_empty_finds_every_container_again(site):
    site.come(14)
    site.live(3)
    before = {process.id for process in site.world.living()}
    site.lose_redis()
    site.live(4)
    site.at_rest(3)
    assert {process.id for process in site.world.living()} == before


def test_a_container_that_cannot_be_started_is_tried_again_for_ever_but_slowly(site):
    site.runtime.will(8001, *[Behaviour(start_error="no space left")] * 8)
    override.set_number(site.redis, site.service, 2, "ann")
    site.live(60)
    assert site.states()[8001] is State.FAILED
    site.live(100)
    site.at_rest(2)


def all_hang(site, _port, _chance):
    for port in range(8000, 8000 + POLICY.maximum):
        site.hang(port)


def store(site, _port, _chance):
    site.store_away = not site.store_away


def bad_starts(site, port, chance):
    trouble = [Behaviour(start_error="no"), Behaviour(healthy_after=9), Behaviour(exits_after=0.5)]
    site.runtime.will(port, *chance.choices(trouble, k=2), Behaviour(ends_after_term=99))


def scale(site, _port, chance):
    override.set_number(site.redis, site.service, chance.choice([None, 1, 3, 5]), "ann")


# What may happen, and how often.
HABITS = {
    lambda site, port, chance: site.come(chance.randint(1, 20)): 30,
    lambda site, port, chance: site.runtime.crash(port): 8,
    lambda site, port, chance: site.runtime.sicken(port): 6,
    lambda site, port, chance: site.hang(port): 5,
    all_hang: 1,
    store: 2,
    scale: 4,
    bad_starts: 4,
    lambda site, port, chance: site.start_monitor(): 3,
    lambda site, port, chance: site.start_autoscaler(): 3,
    lambda site, port, chance: site.lose_redis(): 1,
    lambda site, port, chance: site.redis.delete(since_key("acts")): 1,
}


def much_happens(site, seed):
    """Sixty things, and what must be true after them."""
    chance = random.Random(seed)
    for what in chance.choices(list(HABITS), list(HABITS.values()), k=60):
        what(site, 8000 + chance.randrange(POLICY.maximum), chance)
        site.live(chance.choice([1, 1, 2, 5]))
    site.store_away = False
    override.set_number(site.redis, site.service, None, "ann")
    for scripts in site.world.scripts.values():
        scripts.clear()
    site.live(QUIET)
    site.at_rest(1)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_it_comes_to_rest_as_it_should_be(site, seed):
    much_happens(site, seed)


@pytest.mark.parametrize("seed", range(2))
def test_two_of_everything_do_no_harm(redis_client, seed):
    site = Site(redis_client, each=2)
    site.live(2)
    much_happens(site, seed)
