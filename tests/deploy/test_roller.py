"""Whole roll-outs on a fake runtime and a real table, in virtual time; to the end, and cut short at every effect."""

from dataclasses import replace

import pytest

from deploy.container_state import State
from deploy.orders import Orders
from deploy.roller import Roller, Rollouts
from deploy.rollout import Phase
from deploy.runtime.fake import Behaviour
from lb.events import read
from lb.heartbeat import WorkerBeat
from lb.ring import read_ring
from lb.settings import ServiceSettings

WHO = {"reason": "a test", "by": "pytest"}
NEVER = float("inf")
BROKEN = {
    "cannot be started": Behaviour(start_error="no such image"),
    "exits": Behaviour(healthy_after=NEVER, exits_after=0.2, words="no module named x"),
    "is never healthy": Behaviour(healthy_after=NEVER),
}


def ring(machine) -> list[int]:
    return [member.port for member in read_ring(machine.client, "acts").members]


def told(machine) -> list[str]:
    return [event.reason for event in read(machine.client, "acts", count=1000) if event.kind == "rollout"]


class Least:
    """The smallest ring that was seen."""

    def __init__(self, machine) -> None:
        self.machine, self.seen = machine, 1000

    def __call__(self) -> None:
        self.seen = min(self.seen, len(ring(self.machine)))


@pytest.mark.parametrize("ports", [[8000], [8000, 8001, 8002]])
def test_all_containers_get_the_new_image_and_the_ring_is_never_smaller_than_before(machine, ports):
    machine.runtime.world.images["v2"] = Behaviour(healthy_after=1)
    machine.run(*ports)
    least = Least(machine)
    assert machine.deploy("v2")
    machine.roll(meanwhile=least)
    assert machine.images() == dict.fromkeys(ports, "v2")
    assert ring(machine) == ports
    assert least.seen == len(ports)
    assert machine.rollout().phase is Phase.DONE
    assert machine.living() == machine.expected()


def test_the_hash_of_every_container_says_its_image(machine):
    machine.run(8000)
    assert machine.table.get(8000).image == "v1"
    machine.deploy("v2")
    machine.roll()
    assert machine.table.get(8000).image == "v2"


def test_it_tells_its_story(machine):
    machine.run(8000)
    machine.deploy("v2")
    machine.roll()
    began, works, done = told(machine)
    assert began == "began: v1 → v2"
    assert works.startswith("v2 works")
    assert done.startswith("done: all containers are of v2")


def test_with_no_free_port_they_are_replaced_one_at_a_time(machine):
    machine.service = ServiceSettings(max_containers=3)
    machine.run(8000, 8001, 8002)
    least = Least(machine)
    machine.deploy("v2")
    machine.roll(meanwhile=least)
    assert machine.images() == {8000: "v2", 8001: "v2", 8002: "v2"}
    assert least.seen == 2


def test_the_only_container_of_a_service_that_may_have_one_is_replaced(machine):
    machine.service = ServiceSettings(max_containers=1)
    machine.run(8000)
    machine.deploy("v2")
    machine.roll()
    assert machine.images() == {8000: "v2"}


def test_nobody_is_ended_while_the_proxy_still_uses_it(machine):
    machine.run(8000)
    machine.beats = [WorkerBeat("w", "host", 1, started=0, beat=0, ring_version=9_999_999_999, in_flight={8000: 1})]
    machine.deploy("v2")
    launcher, roller = machine.launcher(), machine.roller()
    for _ in range(200):
        roller.tick(machine.clock())
        launcher.tend(machine.clock())
        machine.clock.pass_by(0.1)
    assert machine.states() == {8000: State.DRAINING, 8001: State.RUNNING}
    assert ring(machine) == [8001]
    machine.beats = []
    machine.roll(launcher, roller)
    assert machine.images() == {8000: "v2"}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("ports", [[8000], [8000, 8001]])
def test_a_broken_image_stops_it_before_any_old_container_goes(machine, ports, broken):
    machine.runtime.world.images["v2"] = BROKEN[broken]
    machine.run(*ports)
    before, least = machine.living(), Least(machine)
    machine.deploy("v2")
    machine.roll(meanwhile=least)
    assert machine.living() == before
    assert least.seen == len(ports)
    assert machine.rollout().phase is Phase.FAILED


def test_the_last_words_of_a_broken_container_are_the_reason(machine):
    machine.runtime.world.images["v2"] = BROKEN["exits"]
    machine.run(8000)
    machine.deploy("v2")
    machine.roll()
    assert machine.rollout().reason.endswith("it ended before it was healthy; exit code 1; no module named x")
    assert told(machine)[-1].startswith("failed: all containers are of v1; 8001: it ended")


@pytest.mark.parametrize("broken", BROKEN)
def test_with_no_free_port_the_first_port_gets_the_old_image_back(machine, broken):
    machine.service = ServiceSettings(max_containers=2)
    machine.runtime.world.images["v2"] = BROKEN[broken]
    machine.run(8000, 8001)
    least = Least(machine)
    machine.deploy("v2")
    machine.roll(meanwhile=least)
    assert machine.images() == {8000: "v1", 8001: "v1"}
    assert least.seen == 1
    assert machine.rollout().phase is Phase.FAILED


def test_one_that_falls_sick_right_after_it_was_healthy_is_broken_too(machine):
    machine.run(8000)
    machine.deploy("v2")

    def watch():
        new = machine.table.get(8001)
        if new and new.state is State.RUNNING:
            machine.orders.relaunch(8001, "it answered 500", "monitor")

    machine.roll(meanwhile=watch)
    assert machine.images() == {8000: "v1"}
    assert machine.rollout().phase is Phase.FAILED


def test_one_that_fails_in_the_middle_brings_everybody_back(machine):
    machine.run(8000, 8001, 8002)
    machine.runtime.will(8001, *[BROKEN["exits"]] * 2)
    least = Least(machine)
    machine.deploy("v2")
    machine.roll(meanwhile=least)
    assert machine.images() == {8000: "v1", 8001: "v1", 8002: "v1"}
    assert least.seen >= 2
    assert machine.rollout().phase is Phase.FAILED


def test_one_bad_start_is_forgiven(machine):
    machine.run(8000, 8001)
    machine.runtime.will(8001, Behaviour(start_error="the engine was busy"))
    machine.deploy("v2")
    machine.roll()
    assert machine.images() == {8000: "v2", 8001: "v2"}


def test_where_the_old_image_does_not_start_any_more_the_new_ones_stay(machine):
    machine.run(8000, 8001, 8002)
    machine.deploy("v2")

    def spoil():
        if machine.images().get(8000) == "v2":
            machine.runtime.world.images["v1"] = Behaviour(start_error="it was removed")
            Rollouts(machine.client, machine.service).abort(by="pytest", now=machine.clock())

    machine.roll(meanwhile=spoil, within=3600)
    assert machine.rollout().phase is Phase.ABORTED
    assert "v1 does not start any more either" in machine.rollout().reason
    assert len(ring(machine)) == 2


def test_abort_brings_everybody_back(machine):
    machine.run(8000, 8001)
    machine.deploy("v2")
    rollouts = Rollouts(machine.client, machine.service)

    def abort():
        if machine.images().get(8000) == "v2":
            rollouts.abort(by="pytest", now=machine.clock())

    least = Least(machine)
    machine.roll(meanwhile=lambda: (abort(), least()))
    assert machine.images() == {8000: "v1", 8001: "v1"}
    assert machine.rollout().phase is Phase.ABORTED
    assert least.seen >= 1
    assert not rollouts.abort(by="pytest", now=machine.clock())


def test_a_second_one_has_to_wait_for_the_end_of_the_first(machine):
    machine.run(8000)
    assert machine.deploy("v2")
    assert machine.deploy("v3") is None
    machine.roll()
    assert machine.deploy("v3")


def test_back_to_the_one_before_is_a_roll_out_too(machine):
    machine.run(8000)
    machine.deploy("v2")
    machine.roll()
    assert machine.rollout().previous == "v1"
    machine.deploy(machine.rollout().previous)
    machine.roll()
    assert machine.images() == {8000: "v1"}
    assert machine.rollout().previous == "v2"


def test_the_same_image_again_restarts_everybody_and_the_one_before_stays(machine):
    machine.run(8000, 8001)
    machine.deploy("v2")
    machine.roll()
    before = machine.living()
    machine.deploy("v2")
    machine.roll()
    assert machine.rollout().previous == "v1"
    assert not set(before) & set(machine.living())
    assert machine.images() == {8000: "v2", 8001: "v2"}


def test_new_containers_are_of_the_old_image_until_the_new_one_works(machine):
    machine.runtime.world.images["v2"] = Behaviour(healthy_after=3)
    machine.run(8000)
    machine.deploy("v2")
    roller, launcher = machine.roller(), machine.launcher()
    roller.tick(machine.clock())
    machine.orders.launch(8002, **WHO)
    launcher.tend(machine.clock())
    assert machine.table.get(8002).image == "v1"
    machine.roll(launcher, roller)
    assert machine.images() == {8000: "v2", 8002: "v2"}
    machine.run(8003)
    assert machine.table.get(8003).image == "v2"


def test_a_relaunch_meanwhile_keeps_the_image_of_its_port(machine):
    machine.run(8000, 8001, 8002)
    machine.deploy("v2")
    seen = {}

    def sicken():
        images = machine.images()
        if images.get(8000) == "v2" and images.get(8002) == "v1" and not seen:
            seen.update(images)
            machine.orders.relaunch(8002, "it answered 500", "monitor")
        if seen and machine.table.get(8002).state is State.SICK:
            seen["relaunched as"] = machine.table.get(8002).image

    machine.roll(meanwhile=sicken)
    assert seen["relaunched as"] == "v1"
    assert machine.images() == {8000: "v2", 8001: "v2", 8002: "v2"}


def test_the_extra_one_stays_when_the_autoscaler_wants_it(machine):
    machine.run(8000)
    machine.deploy("v2")
    wanted = []

    def want():
        if 8001 in machine.images() and not wanted:
            wanted.append(machine.orders.launch(8001, **WHO))

    machine.roll(meanwhile=want)
    assert wanted == [True]
    assert machine.images() == {8000: "v2", 8001: "v2"}


def test_a_scale_down_meanwhile_is_done(machine):
    machine.run(8000, 8001, 8002)
    machine.deploy("v2")
    done = []

    def scale_down():
        if not done and machine.images().get(8000) == "v2":
            done.append(machine.orders.stop(8002, **WHO))

    machine.roll(meanwhile=scale_down)
    assert machine.images() == {8000: "v2", 8001: "v2"}


def test_one_that_is_replaced_and_then_stopped_goes_for_good(machine):
    machine.run(8000, 8001)
    machine.orders.replace(8001, **WHO, image="v2")
    machine.orders.stop(8001, **WHO)
    machine.settle()
    assert machine.images() == {8000: "v1"}


class Killed(BaseException):
    """The worker is gone. Nothing may catch this."""


class Mortal:
    """Passes everything on, and dies after a number of effects that all who share `lives` have together."""

    EFFECTS = frozenset({"start", "terminate", "kill", "move", "update", "remove", "add", "eval", "launch"})

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


ENDS = {"v2": (Phase.DONE, "v2"), "broken": (Phase.FAILED, "v1")}


@pytest.mark.parametrize("effects", range(1, 40))
@pytest.mark.parametrize(("image", "most"), [("v2", 10), ("v2", 2), ("broken", 10), ("broken", 2)])
def test_whoever_dies_after_any_effect_the_next_one_goes_on(machine, jobs, image, most, effects):
    machine.service = ServiceSettings(max_containers=most)
    machine.runtime.world.images["broken"] = BROKEN["exits"]
    machine.run(8000, 8001)
    machine.deploy(image)
    lives, least = [effects], Least(machine)
    table, runtime = Mortal(machine.table, lives), Mortal(machine.runtime, lives)
    orders = Orders(table, Mortal(jobs, lives), machine.clock)
    roller = Roller(Mortal(machine.client, lives), machine.service, table, orders)
    try:
        machine.roll(machine.launcher(runtime, table), roller, meanwhile=least)
    except Killed:
        machine.roll(meanwhile=least)
    phase, shown = ENDS[image]
    assert machine.rollout().phase is phase
    assert machine.images() == {8000: shown, 8001: shown}
    assert machine.living() == machine.expected()
    assert least.seen >= (2 if most == 10 else 1)


@pytest.mark.parametrize("image", ENDS)
def test_two_who_drive_it_at_once_end_as_one_does(machine, image):
    machine.runtime.world.images["broken"] = BROKEN["exits"]
    machine.run(8000, 8001)
    machine.deploy(image)
    launcher, roller = machine.launcher(), machine.roller()

    def other():
        roller.tick(machine.clock())
        launcher.tend(machine.clock())

    machine.roll(meanwhile=other)
    phase, shown = ENDS[image]
    assert machine.rollout().phase is phase
    assert machine.images() == {8000: shown, 8001: shown}


def test_without_a_roll_out_nothing_is_done(machine):
    machine.run(8000)
    before = machine.table.all()
    assert machine.roller().tick(machine.clock()) is None
    assert machine.table.all() == before


def test_a_roll_out_of_nothing_is_done_at_once(machine):
    machine.deploy("v2")
    machine.roll()
    assert machine.rollout() == replace(machine.rollout(), phase=Phase.DONE, image="v2")
    machine.run(8000)
    assert machine.images() == {8000: "v2"}
