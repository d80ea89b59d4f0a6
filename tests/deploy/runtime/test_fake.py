"""What tests rely on beyond the contract: containers that misbehave as they were told, in virtual time."""

import pytest

from deploy.runtime.base import KillFailed, StartFailed
from deploy.runtime.fake import Behaviour, FakeRuntime, World


class Clock:
    time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def runtime(clock):
    return FakeRuntime(World(clock))


def test_health_comes_after_its_time(runtime, clock):
    runtime.will(8000, Behaviour(healthy_after=2))
    found = runtime.start(8000, 1)
    assert not runtime.probe(found.address)
    clock.time += 2
    assert runtime.probe(found.address)


def test_starts_follow_the_script_and_are_well_behaved_after_it(runtime):
    runtime.will(8000, Behaviour(start_error="no"), Behaviour(start_error="still no"))
    for reason in ("no", "still no"):
        with pytest.raises(StartFailed, match=f"^{reason}$"):
            runtime.start(8000, 1)
    assert runtime.start(8000, 1).alive


def test_a_script_is_for_one_port(runtime):
    runtime.will(8000, Behaviour(start_error="no"))
    assert runtime.start(8001, 1).alive


def test_one_that_exits_is_dead_after_its_time(runtime, clock):
    runtime.will(8000, Behaviour(exits_after=3, exit_code=4, words="bye"))
    found = runtime.start(8000, 1)
    assert runtime.last_words(found.runtime_id) == ""
    clock.time += 3
    assert runtime.running() == []
    assert runtime.last_words(found.runtime_id) == "exit code 4; bye"


def test_one_that_is_slow_to_end_lives_until_then(runtime, clock):
    runtime.will(8000, Behaviour(ends_after_term=2))
    found = runtime.start(8000, 1)
    runtime.terminate(found.runtime_id)
    assert runtime.find(found.runtime_id).alive
    clock.time += 2
    assert not runtime.find(found.runtime_id).alive


def test_one_that_survives_kill_says_so(runtime):
    runtime.will(8000, Behaviour(survives_kill=True))
    found = runtime.start(8000, 1)
    with pytest.raises(KillFailed, match="still there"):
        runtime.kill(found.runtime_id)


def test_crash_and_sicken_do_what_they_say(runtime):
    first, second = runtime.start(8000, 1), runtime.start(8001, 1)
    runtime.crash(8000)
    runtime.sicken(8001)
    runtime.crash(8002)
    runtime.sicken(8002)
    assert [runtime.find(found.runtime_id).alive for found in (first, second)] == [False, True]
    assert not runtime.probe(second.address)


def test_runtimes_of_one_world_see_the_same(runtime):
    found = runtime.start(8000, 1)
    assert FakeRuntime(runtime.world).find(found.runtime_id) == found


def test_a_frozen_one_lives_and_does_nothing(runtime):
    found = runtime.start(8000, 1)
    runtime.freeze(8000)
    assert runtime.find(found.runtime_id).frozen
    assert not runtime.probe(found.address)
    assert runtime.start(8000, 2).runtime_id != found.runtime_id


def test_a_stop_by_hand_is_told_from_a_crash(runtime):
    crashed, stopped = runtime.start(8000, 1), runtime.start(8001, 1)
    runtime.crash(8000)
    runtime.world.stop_by_hand(8001)
    assert [runtime.stopped_by_hand(found.runtime_id) for found in (crashed, stopped)] == [False, True]
    assert [found.alive for found in map(runtime.find, (crashed.runtime_id, stopped.runtime_id))] == [False, False]


def test_with_nodes_it_starts_where_it_is_told_or_where_there_are_fewest_unless_there_is_no_room(runtime):
    world = runtime.world
    world.nodes = ["b", "a"]
    assert runtime.nodes() == ["a", "b"]
    assert runtime.start(8000, 1, node="a").node == "a"
    assert runtime.start(8001, 1).node == "b"
    world.full = {"b"}
    with pytest.raises(StartFailed, match="no suitable node"):
        runtime.start(8002, 1, node="b")
    assert runtime.start(8002, 1).node == "a"
