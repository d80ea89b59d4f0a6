"""Every story, ordered and told over a real Redis and rq's real queues, cut off at each of its steps.

A step is one write to Redis or one call of the runtime. At the k-th one, for every k until the story is through, who
orders or works is killed: before it, or when it is done and the answer is on its way. Then others go on: the person
orders once more if he was cut off, another worker takes the jobs and tends. What is left must be what it is without any
interruption, and no job may be left over. Roll-outs are cut off likewise, and the ring is looked at all the while.
"""

import itertools
from dataclasses import dataclass, field

import pytest
from fate import Fate, FatedRuntime, Killed, dies, fated_client
from rq.job import Job
from rq.serializers import JSONSerializer

from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.job_queue import JobQueue, queue_names
from deploy.launcher import Launcher
from deploy.next_step import Policy
from deploy.orders import Orders
from deploy.roller import Roller, Rollouts
from deploy.rollout import Phase, image_for_new
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from lb.ring import read_ring
from lb.settings import ServiceSettings

SERVICE = ServiceSettings(max_containers=4)
POLICY = Policy(boot_timeout=3, drain_timeout=3, stop_grace=1)


@dataclass
class Machine:
    """What outlives any process."""

    redis: object
    path: object
    now: float = 1_700_000_000.0
    world: World = field(init=False)

    def __post_init__(self):
        self.world = World(clock=lambda: self.now)


class Process:
    """One that orders, takes jobs and tends, with a fate."""

    def __init__(self, machine, fate=None):
        self.machine, fate = machine, fate or Fate()
        self.client = client = fated_client(machine.path, fate)
        self.raw = fated_client(machine.path, fate, decode_responses=False)
        self.table, queue = ContainerTable(client, SERVICE), JobQueue(self.raw, "acts")
        self.orders = Orders(self.table, queue, clock=lambda: machine.now)
        fake = FakeRuntime(machine.world)
        self.launcher = Launcher(
            self.table,
            FatedRuntime(fake, fate),
            probe=fake.probe,
            beats=list,
            clock=lambda: machine.now,
            policy=POLICY,
            image=lambda: image_for_new(Rollouts(client, SERVICE).read(), self.table.all()),
        )

    def work(self):
        """All jobs that wait, then tending until nobody is on the way, and the jobs that have come meanwhile."""
        self.take_jobs()
        end = self.machine.now + 600
        while self.launcher.tend(self.machine.now) is not None:
            self.machine.now += 0.05
            assert self.machine.now < end, self.table.all()
        self.take_jobs()

    def take_jobs(self):
        """As rq does: a job is out of its queue before it is begun."""
        for name in queue_names("acts"):
            while answer := self.raw.lpop(f"rq:queue:{name}"):
                job = Job.fetch(answer.decode(), connection=self.raw, serializer=JSONSerializer)
                getattr(self.launcher, job.func_name.rpartition(".")[2])(*job.args)
                job.delete()


def launches(process):
    process.orders.launch(8002, "a test", "ann")


def launches_what_starts_badly(process):
    FakeRuntime(process.machine.world).will(8002, Behaviour(exits_after=0.1, healthy_after=9), Behaviour())
    process.orders.launch(8002, "a test", "ann")


def stops(process):
    process.orders.stop(8001, "a test", "ann")


def relaunches(process):
    process.orders.relaunch(8001, "a test", "ann")


def replaces(process):
    process.orders.replace(8001, "a test", "ann")


# The ports that run when it is over.
STORIES = {
    launches: [8000, 8001, 8002],
    launches_what_starts_badly: [8000, 8001, 8002],
    stops: [8000],
    relaunches: [8000, 8001],
    replaces: [8000, 8001],
}


def prepared(server, client):
    """Two containers that run."""
    client.flushall()
    machine = Machine(client, server.socket_path)
    process = Process(machine)
    for port in (8000, 8001):
        process.orders.launch(port, "a test", "ann")
    process.work()
    return machine


def interrupted(machine, story, step, late):
    """Whether the story was cut off at this step; another one has gone on then."""
    fate = Fate()
    mortal = Process(machine, fate)
    fate.strike(step, **{"after" if late else "before": dies})
    ordered = False
    try:
        story(mortal)
        ordered = True
        mortal.work()
    except Killed:
        other = Process(machine)
        if not ordered and not was_heard(machine):
            story(other)
        other.work()
        return True
    return False


def was_heard(machine):
    """Whether the order stands in the table, though nobody was told so."""
    process = Process(machine)
    return any(one.state is not State.RUNNING for one in process.table.all())


def check(machine, story, before):
    """What is left is right."""
    process = Process(machine)
    containers = process.table.all()
    assert [(one.port, one.state) for one in containers] == [(port, State.RUNNING) for port in STORIES[story]]
    living = {one.port: (one.id, one.generation) for one in machine.world.living()}
    assert {one.port: (one.runtime_id, one.generation) for one in containers} == living
    ring = read_ring(machine.redis, "acts")
    assert [member.port for member in ring.members] == STORIES[story]
    if story in (relaunches, replaces):
        assert living[8001] != before[8001]
    for name in queue_names("acts"):
        assert machine.redis.llen(f"rq:queue:{name}") == 0


@pytest.mark.parametrize("late", [False, True], ids=["before the step", "after the step"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story_that_is_cut_off_at_any_step_is_told_to_its_end(redis_server, redis_client, story, late):
    for step in itertools.count(1):
        machine = prepared(redis_server, redis_client)
        before = {one.port: (one.id, one.generation) for one in machine.world.living()}
        cut = interrupted(machine, story, step, late)
        check(machine, story, before)
        if not cut:
            break
    assert step > 5  # it has been cut off indeed


class Rolling(Process):
    """A deploy worker that rolls out, too."""

    def __init__(self, machine, fate=None):
        super().__init__(machine, fate)
        self.rollouts = Rollouts(self.client, SERVICE)
        self.roller = Roller(self.client, SERVICE, self.table, self.orders, POLICY.boot_timeout)

    def work(self):
        """Until the roll-out is over. People are served all the while: the ring is never smaller than at its start."""
        end = self.machine.now + 600
        pauses = [0.0, None]
        while any(pause is not None for pause in pauses):
            pauses = [self.launcher.tend(self.machine.now), self.roller.tick(self.machine.now)]
            self.machine.now += 0.5 if pauses[0] is None else 0.05
            assert len(read_ring(self.machine.redis, "acts").members) >= 2
            assert self.machine.now < end, self.table.all()
        self.take_jobs()


NEVER_WELL = Behaviour(healthy_after=9, exits_after=0.1)
# How containers of the new version behave; what it ends as, and what runs then.
ROLLOUTS = {"one that works": (Behaviour(), Phase.DONE, "v2"), "one that does not": (NEVER_WELL, Phase.FAILED, "v1")}


@pytest.mark.parametrize("version", ROLLOUTS)
def test_a_roll_out_whose_worker_is_killed_at_any_step_goes_on_and_nobody_is_kept_waiting(
    redis_server, redis_client, version
):
    behaviour, phase, image = ROLLOUTS[version]
    for step in itertools.count(1):
        machine = prepared(redis_server, redis_client)
        machine.world.images["v2"] = behaviour
        cut = rolled_out_though_killed(machine, step)
        check_rolled_out(machine, phase, image)
        if not cut:
            break
    assert step > 50


def rolled_out_though_killed(machine, step):
    """Whether the worker was killed before its k-th step, so that another one has gone on."""
    fate = Fate()
    mortal = Rolling(machine, fate)
    assert mortal.rollouts.begin("v2", by="ann", now=machine.now)
    fate.strike(step, before=dies)
    try:
        mortal.work()
    except Killed:
        Rolling(machine).work()
        return True
    return False


def check_rolled_out(machine, phase, image):
    """Every port has the right version, the extra one is gone, and no job is left."""
    process = Rolling(machine)
    containers = process.table.all()
    right = [(port, State.RUNNING, image, 0) for port in (8000, 8001)]
    assert [(one.port, one.state, one.image, one.surge) for one in containers] == right
    living = [(one.port, one.id, one.image) for one in machine.world.living()]
    assert [(one.port, one.runtime_id, one.image) for one in containers] == living
    assert process.rollouts.read().phase is phase
    assert [machine.redis.llen(f"rq:queue:{name}") for name in queue_names("acts")] == [0, 0]
