"""The journal fed through the policy again: what the real autoscaler wrote, and what was meddled with."""

import itertools
import random
from dataclasses import replace

from autoscaler import decision_log, override
from autoscaler.decision_log import Entry
from autoscaler.policy import Policy
from autoscaler.replay import arrivals_of, evenly, replay
from autoscaler.simulate import Arrivals, simulate


def recorded(world) -> list[Entry]:
    return list(decision_log.read(world.redis, "acts", 0))


def live_through(world, seconds: int, seed: int) -> list[int]:
    """Seconds with random bursts, lulls, a killed autoscaler, an operator and an outage; what came in each."""
    chance, came = random.Random(seed), []
    for _ in range(seconds):
        burst = chance.random() < 0.02
        came.append(chance.randint(0, 40) if burst else int(chance.random() < 0.1))
        world.come(came[-1])
        if chance.random() < 0.01:
            override.set_number(world.redis, world.service, chance.choice([None, None, 2, 5]), "ann")
        if chance.random() < 0.01:
            world.scaler = world.another_scaler()
        if chance.random() < 0.003:
            world.now += chance.choice([5, 60, 300])
        world.second()
        world.now += chance.random() * 0.01  # ticks are never quite on time
    return came


def test_the_same_policy_decides_the_same_again(world):
    live_through(world, 900, seed=7)
    replayed = list(replay(recorded(world)))
    assert len(replayed) == 900
    assert len({tick.decision.target for tick in replayed}) >= 3
    assert [tick.entry for tick in replayed if tick.differs] == []


BRAKED = (
    "rule=rate,window=30,requests_per_second=0.2,up_step=1,up_cooldown=20,down_step=1,down_cooldown=40,stabilization=60"
)


def test_a_policy_with_brakes_decides_the_same_again_also_from_the_middle_on(world):
    world.policy = Policy().changed(BRAKED)
    world.scaler = world.another_scaler()
    live_through(world, 900, seed=23)
    entries = recorded(world)
    assert len({entry.target for entry in entries}) >= 3
    for begin in (0, 300):
        replayed = list(replay(entries[begin:]))
        assert [tick.entry for tick in replayed if tick.settled and tick.differs] == []


def test_a_recording_that_begins_in_the_middle_is_decided_the_same_once_its_past_is_known(world):
    live_through(world, 700, seed=11)
    replayed = list(replay(recorded(world)[250:]))
    assert sum(tick.settled for tick in replayed) > 200
    assert [tick.entry for tick in replayed if tick.settled and tick.differs] == []


def test_a_decision_that_was_meddled_with_is_found(world):
    live_through(world, 200, seed=3)
    entries = recorded(world)
    entries[150] = replace(entries[150], target=entries[150].target + 1)
    assert [tick.entry.at for tick in replay(entries) if tick.differs] == [entries[150].at]


def test_a_count_that_was_meddled_with_is_found(world):
    live_through(world, 300, seed=5)
    entries = recorded(world)
    entries[150] = replace(entries[150], count=entries[150].count + 60)
    assert entries[150].at in [tick.entry.at for tick in replay(entries) if tick.differs]


def test_nothing_recorded_is_nothing_replayed():
    assert list(replay([])) == []
    assert list(arrivals_of([])) == []


def test_the_requests_are_found_again_from_the_counts(world):
    chance = random.Random(1)
    came = [chance.choice([0, 0, 0, 1, 7, 30]) for _ in range(400)]
    for number in came:
        world.come(number)
        world.second()
    found = list(arrivals_of(recorded(world)))
    first = round(recorded(world)[0].at)
    assert [one.at for one in found] == list(range(first, first + 400))
    assert [one.number for one in found] == came


def test_the_requests_found_from_the_counts_lead_to_the_same_targets(world):
    chance = random.Random(2)
    targets = []
    for _ in range(500):
        world.come(chance.choice([0, 0, 0, 0, 0, 1, 7]))
        targets.append(world.tick().target)
        world.settle()
        world.now += 1
    simulated = list(simulate(arrivals_of(recorded(world)), Policy()))
    assert [point.target for point in simulated] == targets


def test_a_recording_that_begins_in_the_middle_has_a_window_before_it(world):
    for _ in range(300):
        world.come(1)
        world.second()
    entries = recorded(world)[200:]
    found = list(arrivals_of(entries))
    assert len(found) == 119 + 100
    assert {one.number for one in found} == {1}


def is_without_gap(found: list[Arrivals]) -> bool:
    return all(later.at == earlier.at + 1 for earlier, later in itertools.pairwise(found))


def test_seconds_without_a_tick_are_filled(world):
    world.come(10)
    world.second()
    world.now += 40
    world.come(4)
    world.second()
    found = list(arrivals_of(recorded(world)))
    assert is_without_gap(found)
    assert sum(one.number for one in found) == 14


def test_a_pause_longer_than_the_window_is_filled_too(world):
    world.come(10)
    world.second()
    world.now += 400
    world.come(6)
    world.second()
    found = list(arrivals_of(recorded(world)))
    assert is_without_gap(found)
    assert sum(one.number for one in found) == 16


def test_two_ticks_in_one_second_count_once(world):
    world.come(3)
    world.tick()
    world.now += 0.2
    world.come(2)
    world.tick()
    assert sum(one.number for one in arrivals_of(recorded(world))) == 5


def test_even_is_even():
    assert evenly(5, 100, 3) == [Arrivals(98, 1), Arrivals(99, 2), Arrivals(100, 2)]
    assert evenly(0, 100, 2) == [Arrivals(99, 0), Arrivals(100, 0)]
