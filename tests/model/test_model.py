"""Twenty thousand things that may happen to the service, in any order, against a model of what must always hold.

Deploy worker, monitor and autoscaler decide for real over a real Redis, two of each; containers are the fake runtime's,
and time is told. A process may be killed, lose Redis or the answer it gave, or be overtaken by another one at each of
its steps. After every single operation:

    the ring is what is RUNNING, Status is True for exactly those, and a changed ring has a higher version;
    nobody joins who is not healthy, nothing is ended while it is in the ring, on a port lives one container at most;

and when the history is over and everything works again, what runs is what the table says: as many as wanted, on the
ports from the first one, nothing held, and nobody on the way.
"""

import itertools
from collections import deque
from dataclasses import replace

import pytest
import redis
from fate import Fate, FatedRuntime, Killed, dies, fated_client, is_refused, loses_redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from autoscaler import override
from autoscaler.policy import Policy
from autoscaler.scaler import Scaler
from deploy import stopped
from deploy.by_hand import ByHand
from deploy.container_state import State
from deploy.container_table import ALL_LUA, ContainerTable, container_key, containers_key, pairs
from deploy.jobs import LAUNCHER, launch, relaunch_port, stop
from deploy.launcher import Launcher
from deploy.next_step import Policy as LauncherPolicy
from deploy.orders import Orders
from deploy.roller import Roller, Rollouts
from deploy.rollout import image_for_new
from deploy.runtime.base import RuntimeAway
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from lb import request_window
from lb.heartbeat import WorkerBeat
from lb.ring import ring_key, version_key
from lb.settings import ServiceSettings
from monitor import hold
from monitor.poller import Poller
from monitor.probe import Outcome, Probe
from monitor.reconcile import Reconciler

START = 1_700_000_000.0
FIRST, MOST = 8000, 4
NEVER = float("inf")
SERVICE = ServiceSettings(max_containers=MOST)
SCALING = Policy(window=20, requests_per_container=5, stabilization=10, maximum=MOST)
TENDING = LauncherPolicy(boot_timeout=3, drain_timeout=3, stop_grace=1)  # short, to live through many histories
HISTORIES, LENGTH = 100, 200

PORTS = st.sampled_from(range(FIRST, FIRST + MOST))
SECONDS = st.sampled_from([0.0, 0.05, 0.5, 1.0, 1.0, 4.0])
BEHAVIOURS = st.sampled_from(
    [
        Behaviour(healthy_after=1),
        Behaviour(healthy_after=NEVER),
        Behaviour(exits_after=0.5),
        Behaviour(healthy_after=NEVER, exits_after=0.2),
        Behaviour(ends_after_term=NEVER),
        Behaviour(ends_after_term=2),
        Behaviour(start_error="no such program"),
        Behaviour(survives_kill=True, ends_after_term=2),
    ]
)


def loses_the_engine():
    raise RuntimeAway("fate took the engine away")


ILLS = ["crashes", "sickens", "hangs"]
ERRORS = st.sampled_from([loses_redis, is_refused])


class Waiting:
    """The queue of jobs: they wait until a deploy worker takes them."""

    def __init__(self):
        self.jobs = deque()

    def launch(self, container):
        self.jobs.append((launch, container.port))

    def stop(self, container):
        self.jobs.append((stop, container.port))

    def relaunch_port(self, container):
        self.jobs.append((relaunch_port, container.port))


class Watched(FakeRuntime):
    """The fake runtime, with an eye on what is done to containers that serve."""

    def __init__(self, world, serving):
        super().__init__(world)
        self.serving = serving

    def terminate(self, runtime_id):
        assert runtime_id not in self.serving(), f"{runtime_id} gets TERM and is in the ring"
        super().terminate(runtime_id)

    def kill(self, runtime_id):
        process = self.world.processes.get(runtime_id)
        if process and process.alive(self.world.clock()):
            assert runtime_id not in self.serving(), f"{runtime_id} is killed and is in the ring"
        super().kill(runtime_id)


SEEN = ("state", "generation", "moves")  # by which a container is the one that was read


class Witness(ContainerTable):
    """The table, which looks twice whether who won has changed what he had seen."""

    def move(self, container, *arguments, **changes):
        moved = super().move(container, *arguments, **changes)
        assert moved is None or moved.moves == container.moves + 1, f"{container} was another one by then"
        same = moved is None or moved.state is State.STARTING or moved.generation == container.generation
        assert same, f"{container} was another one by then"
        return moved

    def update(self, container, **changes):
        updated = super().update(container, **changes)
        same = updated and [getattr(updated, name) == getattr(container, name) for name in SEEN] == [True] * len(SEEN)
        assert updated is None or same, f"{container} was another one by then"
        return updated


class Site:
    """What all parts share."""

    def __init__(self, socket_path, client):
        self.socket_path, self.redis = socket_path, client
        self.elapsed, self.clock_error, self.requests = 0.0, 0.0, 0
        self.world = World(clock=lambda: self.elapsed)
        self.hung, self.store_away = set(), False
        self.queue, self.beats = Waiting(), []
        self.runtime = Watched(self.world, self.serving)
        self.table = ContainerTable(client, SERVICE)

    @property
    def now(self):
        """What the machine's clock shows."""
        return START + self.elapsed + self.clock_error

    def serving(self):
        return {one.runtime_id for one in self.table.all() if one.state is State.RUNNING}

    def answer(self, container):
        """What a container answers to the monitor."""
        process = self.world.on(container.port)
        if process is None:
            return Probe(Outcome.REFUSED, detail="refused the connection")
        if process.id in self.hung:
            return Probe(Outcome.TIMED_OUT, detail="no answer within 0.8 s")
        if self.store_away:
            return Probe(Outcome.ANSWERED, 500, detail="answered 500", store_unreachable=True)
        return Probe(Outcome.ANSWERED, 200 if self.is_healthy(process) else 500, detail="answered")

    def is_healthy(self, process):
        return process.well and self.elapsed - process.started >= process.behaviour.healthy_after

    def probe(self, address):
        """What a container answers to the deploy worker."""
        process = self.world.on(int(address.rpartition(":")[2]))
        return process is not None and process.id not in self.hung and not self.store_away and self.is_healthy(process)


class Part:
    """A process of the service: its own client, its own fate, and nothing remembered when it is killed."""

    def __init__(self, site):
        self.site, self.fate = site, Fate()
        self.redis = fated_client(site.socket_path, self.fate)
        self.table = Witness(self.redis, SERVICE)
        self.runtime = FatedRuntime(site.runtime, self.fate)
        self.orders = Orders(self.table, site.queue, clock=lambda: site.now)
        self.begin()

    def act(self):
        """One tick, whatever happens to it."""
        try:
            self.tick()
        except Killed:
            self.begin()
        except (redis.RedisError, RuntimeAway):
            pass  # the ticker logs it


class DeployWorker(Part):
    def begin(self):
        site = self.site
        self.launcher = Launcher(
            self.table,
            self.runtime,
            probe=site.probe,
            beats=lambda: site.beats,
            clock=lambda: site.now,
            policy=TENDING,
            image=lambda: image_for_new(Rollouts(self.redis, SERVICE).read(), self.table.all()),
        )
        self.roller = Roller(self.redis, SERVICE, self.table, self.orders, TENDING.boot_timeout)

    def tick(self):
        self.roller.tick(self.site.now)
        self.launcher.tend(self.site.now)

    def work(self):
        """Take a job, as rq does: it is gone from the queue before it is begun."""
        if self.site.queue.jobs:
            job, port = self.site.queue.jobs.popleft()
            token = LAUNCHER.set(self.launcher)
            try:
                job(port)
            except Killed:
                self.begin()
            except (redis.RedisError, RuntimeAway):
                pass
            finally:
                LAUNCHER.reset(token)


class Monitor(Part):
    def begin(self):
        parts = (self.redis, SERVICE, self.table, self.orders)
        self.poller, self.reconciler = Poller(*parts, self), Reconciler(*parts, self.runtime)

    def ask(self, containers):
        for container in containers:
            yield container, self.site.answer(container)

    def tick(self):
        self.poller.timer(self.site.now)

    def compare(self):
        try:
            self.reconciler.tick(self.site.now)
        except Killed:
            self.begin()


class Autoscaler(Part):
    def begin(self):
        self.scaler = Scaler(self.redis, SERVICE, SCALING, self.table, self.orders)

    def tick(self):
        self.scaler.tick(self.site.now)


class Model(RuleBasedStateMachine):
    """One history, from an empty machine on."""

    def __init__(self, server, client):
        super().__init__()
        client.flushall()
        self.redis = client
        self.site = site = Site(server.socket_path, client)
        self.workers, self.monitors = [DeployWorker(site), DeployWorker(site)], [Monitor(site), Monitor(site)]
        self.scalers = [Autoscaler(site), Autoscaler(site)]
        self.parts = [*self.workers, *self.monitors, *self.scalers]
        self.acts = [part.act for part in self.parts]
        self.acts += [one.work for one in self.workers] + [one.compare for one in self.monitors]
        self.orders = Orders(site.table, site.queue, clock=lambda: site.now)
        self.by_hand = ByHand(client, SERVICE, self.orders, clock=lambda: site.now)
        self.rollouts = Rollouts(client, SERVICE)
        self.ring, self.version, self.states = {}, 0, {}

    def read(self):
        pipe = self.redis.pipeline(transaction=True)
        pipe.eval(ALL_LUA, 2, containers_key("acts"), container_key("acts", 0)[:-1])
        pipe.hgetall(ring_key("acts"))
        pipe.get(version_key("acts"))
        rows, ring, version = pipe.execute()
        return [pairs(row) for row in rows], ring, int(version or 0)

    # What people and machines do.

    @rule(which=st.integers(0, 9), seconds=SECONDS)
    def somebody_acts(self, which, seconds):
        self.site.elapsed += seconds
        self.acts[which]()

    @rule(seconds=SECONDS)
    def everybody_acts(self, seconds):
        self.site.elapsed += seconds
        for act in self.acts:
            act()

    @rule(which=st.integers(0, 9), step=st.integers(1, 9), late=st.booleans())
    def somebody_is_killed_in_the_middle(self, which, step, late):
        self.struck(which, step, **{"after" if late else "before": dies})

    @rule(which=st.integers(0, 9), step=st.integers(1, 9), late=st.booleans(), error=ERRORS)
    def somebody_is_told_an_error(self, which, step, late, error):
        self.struck(which, step, **{"after" if late else "before": error})

    @rule(which=st.integers(0, 9), step=st.integers(1, 9))
    def somebody_is_overtaken_by_all_others(self, which, step):
        mine = self.owner(which)
        self.struck(which, step, before=lambda: [act() for act in self.acts if act.__self__ is not mine])

    @rule(
        which=st.integers(0, 9),
        step=st.integers(1, 6),
        rounds=st.sampled_from([2, 6]),
        port=PORTS,
        how=st.sampled_from([*ILLS, "is stopped and launched"]),
    )
    def somebody_sleeps_while_a_container_lives_a_whole_life(self, which, step, rounds, port, how):
        mine = self.owner(which)
        others = [act for act in self.acts if act.__self__ is not mine]

        def meanwhile():
            for number in range(rounds):
                if how not in ILLS and number in (0, rounds // 2):
                    (self.by_hand.launch if number else self.by_hand.stop)(port, "ann")
                self.site.elapsed += 1.0
                for act in others:
                    act()

        if how in ILLS:
            self.befall(port, how)
        self.struck(which, step, before=meanwhile)

    def struck(self, which, step, **what):
        fate = self.owner(which).fate
        fate.strike(step, **what)
        self.acts[which]()
        fate.spare()

    def owner(self, which):
        return self.acts[which].__self__

    @rule(number=st.integers(1, 12))
    def requests_come(self, number):
        pipe = self.redis.pipeline()
        for _ in range(number):
            self.site.requests += 1
            request_window.record(pipe, "acts", request_window.member("w", self.site.requests), self.site.now)
        pipe.execute()

    @rule(number=st.sampled_from([None, *range(1, MOST + 1)]))
    def a_person_scales(self, number):
        override.set_number(self.redis, SERVICE, number, "ann", self.site.now)

    @rule(what=st.sampled_from(["launch", "stop", "drain", "relaunch"]), port=PORTS)
    def a_person_orders(self, what, port):
        if what == "relaunch":
            self.orders.relaunch(port, "asked for", "ann")
        else:
            getattr(self.by_hand, what)(port, "ann")

    @rule(image=st.sampled_from(["one", "two", ""]))
    def a_person_rolls_out(self, image):
        if not image:
            self.rollouts.abort(by="ann", now=self.site.now)
        elif self.site.table.all():
            self.rollouts.begin(image, by="ann", now=self.site.now)

    @rule(port=PORTS, how=st.sampled_from(ILLS))
    def a_container(self, port, how):
        self.befall(port, how)

    def befall(self, port, how):
        process = self.site.world.on(port)
        if how == "crashes":
            self.site.runtime.crash(port)
        elif how == "sickens":
            self.site.runtime.sicken(port)
        elif process:
            self.site.hung.add(process.id)

    @rule(port=PORTS, behaviour=BEHAVIOURS)
    def the_next_start_will_be(self, port, behaviour):
        self.site.runtime.will(port, behaviour)

    @rule(behind=st.booleans(), requests=st.integers(0, 1), port=PORTS)
    def the_proxy_says(self, behind, requests, port):
        version = 0 if behind else 9_999_999_999
        self.site.beats = [WorkerBeat("w", "host", 1, 0, 0, version, in_flight={port: requests})]

    @rule(what=st.sampled_from(["stranger", "store", "jobs lost", "job twice", "redis lost"]), port=PORTS)
    def something_is_wrong(self, what, port):
        jobs = self.site.queue.jobs
        if what == "stranger" and self.site.world.on(port) is None:
            self.site.world.strangers ^= {port}
        elif what == "store":
            self.site.store_away = not self.site.store_away
        elif what == "jobs lost":
            jobs.clear()
        elif what == "job twice":
            jobs.extend(list(jobs)[:1])
        elif what == "redis lost":
            self.redis.flushall()
            self.ring, self.version, self.states = {}, 0, {}

    @rule(seconds=st.sampled_from([-90.0, -5.0, 5.0, 90.0]))
    def the_clock_is_set(self, seconds):
        self.site.clock_error += seconds

    # What always holds.

    @invariant()
    def what_always_holds(self):
        rows, ring, version = self.read()
        running = {row["port"]: row["address"] for row in rows if row["state"] == "running"}
        assert ring == running
        assert {row["port"] for row in rows if row["status"] == "True"} == set(ring)
        assert version >= self.version
        assert version > self.version or ring == self.ring, "the ring has changed and its version has not"
        living = [process.port for process in self.site.world.living()]
        assert len(living) == len(set(living))
        self.nobody_joins_who_is_not_healthy(rows)
        self.ring, self.version = ring, version
        self.states = {(row["port"], row["generation"]): row["state"] for row in rows}

    def nobody_joins_who_is_not_healthy(self, rows):
        for row in rows:
            before = self.states.get((row["port"], row["generation"]))
            if row["state"] == "running" and before in (None, "starting"):
                joined = self.site.world.processes[row["runtime_id"]]
                assert self.site.is_healthy(joined), f"{row['port']} has joined and is not healthy"

    def teardown(self):
        """Everything works again, a person says how many, and time goes by."""
        site = self.site
        site.store_away, site.beats = False, []
        site.world.strangers.clear()
        site.world.scripts.clear()
        for process in site.world.processes.values():
            process.behaviour = replace(process.behaviour, survives_kill=False)
        for port in range(FIRST, FIRST + MOST):
            stopped.forget(self.redis, "acts", port)
        override.set_number(self.redis, SERVICE, 3, "ann", site.now)
        for pause in itertools.chain([0.5] * 30, [2.0] * 60, [10.0] * 30):
            for act in self.acts[::2]:  # one of each is enough now
                act()
            site.elapsed += pause
            if self.is_at_rest(3):
                break
        self.what_always_holds()
        held = hold.read(self.redis, "acts")
        assert self.is_at_rest(3), (site.table.all(), site.world.living(), site.hung, site.queue.jobs, held)

    def is_at_rest(self, number):
        ports = list(range(FIRST, FIRST + number))
        living = self.site.world.living()
        if [process.port for process in living] != ports:
            return False
        table = self.site.table.all()
        return (
            [(one.port, one.state) for one in table] == [(port, State.RUNNING) for port in ports]
            and [(one.port, one.runtime_id, one.generation) for one in table]
            == [(process.port, process.id, process.generation) for process in living]
            and all(self.site.is_healthy(process) and process.id not in self.site.hung for process in living)
            and not self.site.queue.jobs
            and hold.read(self.redis, "acts") is None
        )


@pytest.mark.timeout(600)
def test_whatever_happens_the_promises_hold(redis_server, redis_client):
    run_state_machine_as_test(
        lambda: Model(redis_server, redis_client),
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=LENGTH,
            deadline=None,
            phases=[Phase.reuse, Phase.generate],  # to shrink a history of this length takes minutes: add Phase.shrink
            suppress_health_check=list(HealthCheck),
        ),
    )
