"""What every runtime must do: one suite over all of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import eventually

from deploy.runtime.base import ImageMissing, PortBusy, StartFailed


def living(runtime) -> list[str]:
    return [found.runtime_id for found in runtime.running()]


def is_dead(runtime, runtime_id: str) -> bool:
    found = runtime.find(runtime_id)
    return found is None or not found.alive


def test_start_returns_a_living_container_without_waiting_for_its_health(bench, runtime):
    port = bench.port()
    bench.will(port, "silent")
    found = runtime.start(port, generation=7)
    assert (found.port, found.generation, found.alive) == (port, 7, True)
    assert found.address


def test_a_started_container_answers_at_its_address(bench, runtime):
    found = runtime.start(bench.port(), generation=1)
    eventually(lambda: bench.answers(found), within=10)


def test_a_second_start_on_the_port_returns_what_runs_there(runtime, started):
    found = started()
    assert runtime.start(found.port, generation=2) == found
    assert living(runtime) == [found.runtime_id]


def test_another_process_sees_the_same_container(bench, started):
    found = started()
    other = bench.another()
    assert other.running() == [found]
    assert other.find(found.runtime_id) == found
    assert other.start(found.port, generation=5) == found


def test_of_two_who_start_the_same_port_both_get_the_one_container(bench, runtime):
    port, others = bench.port(), [bench.another() for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda r: r.start(port, generation=1), [runtime, *others]))
    assert len({found.runtime_id for found in answers}) == 1
    assert living(runtime) == [answers[0].runtime_id]


def test_containers_on_different_ports_are_listed_by_port(bench, runtime):
    ports = sorted((bench.port(), bench.port(), bench.port()), reverse=True)
    for port in dict.fromkeys(ports):
        runtime.start(port, generation=1)
    assert [found.port for found in runtime.running()] == sorted(set(ports))


def test_a_port_that_a_stranger_has_is_busy(bench, runtime):
    port = bench.port()
    with bench.stranger(port), pytest.raises(PortBusy, match=f"{port} is taken by"):
        runtime.start(port, generation=1)
    assert runtime.running() == []


def test_a_port_can_be_used_once_the_stranger_has_left(bench, runtime):
    port = bench.port()
    with bench.stranger(port), pytest.raises(PortBusy):
        runtime.start(port, generation=1)
    found = runtime.start(port, generation=2)
    eventually(lambda: bench.answers(found), within=10)


def test_what_cannot_be_started_says_why(bench):
    with pytest.raises(StartFailed, match=r"no such program|No such file|No such image|is not there"):
        bench.broken().start(bench.port(), generation=1)


def test_a_failed_start_leaves_nothing_in_the_way(bench, runtime):
    port = bench.port()
    with pytest.raises(StartFailed):
        bench.broken().start(port, generation=1)
    assert runtime.start(port, generation=2).generation == 2


def test_terminate_ends_a_well_behaved_container(runtime, started):
    found = started()
    runtime.terminate(found.runtime_id)
    eventually(lambda: is_dead(runtime, found.runtime_id))
    assert living(runtime) == []


def test_a_container_that_hangs_on_term_is_ended_by_kill(runtime, started):
    found = started("hangs")
    runtime.terminate(found.runtime_id)
    assert living(runtime) == [found.runtime_id]
    runtime.kill(found.runtime_id)
    assert living(runtime) == []


def test_kill_returns_when_the_container_is_gone(bench, runtime, started):
    found = started()
    runtime.kill(found.runtime_id)
    assert is_dead(runtime, found.runtime_id)
    assert not bench.answers(found)


def test_a_frozen_container_is_killed(bench, runtime, started):
    found = started()
    bench.freeze(found)
    runtime.kill(found.runtime_id)
    assert living(runtime) == []


def test_a_frozen_container_is_never_taken_for_one_that_can_be_used(bench, runtime, started):
    old = started()
    bench.freeze(old)
    if runtime.find(old.runtime_id).frozen:  # processes cannot tell
        new = runtime.start(old.port, generation=2)
        assert new.runtime_id != old.runtime_id
        assert living(runtime) == [new.runtime_id]


def test_a_container_that_ends_or_is_killed_was_not_stopped_by_hand(runtime, started):
    crashed = started("exits")
    eventually(lambda: is_dead(runtime, crashed.runtime_id))
    assert not runtime.stopped_by_hand(crashed.runtime_id)
    killed = started()
    runtime.kill(killed.runtime_id)
    assert not runtime.stopped_by_hand(killed.runtime_id)
    assert not runtime.stopped_by_hand("nonsense")


def test_another_process_may_end_it(bench, runtime, started):
    found = started()
    bench.another().kill(found.runtime_id)
    assert is_dead(runtime, found.runtime_id)
    assert living(runtime) == []


@pytest.mark.parametrize("times", [1, 2])
def test_kill_and_terminate_of_what_is_gone_are_no_errors(runtime, started, times):
    found = started()
    for _ in range(times):
        runtime.kill(found.runtime_id)
        runtime.terminate(found.runtime_id)


@pytest.mark.parametrize("unknown", ["", "nonsense", "999999:1", "1:1"])
def test_an_id_that_nobody_has_is_unknown_and_harmless(runtime, unknown):
    runtime.kill(unknown)
    runtime.terminate(unknown)
    assert runtime.find(unknown) is None
    assert runtime.last_words(unknown) == ""


def test_after_kill_the_same_port_gets_another_container(bench, runtime, started):
    old = started()
    runtime.kill(old.runtime_id)
    new = runtime.start(old.port, generation=2)
    assert new.runtime_id != old.runtime_id
    eventually(lambda: bench.answers(new), within=10)
    runtime.kill(old.runtime_id)
    assert living(runtime) == [new.runtime_id]


def test_a_container_that_exits_is_dead_and_its_last_words_tell_why(bench, runtime, started):
    found = started("exits")
    eventually(lambda: is_dead(runtime, found.runtime_id))
    assert living(runtime) == []
    words = runtime.last_words(found.runtime_id)
    assert "exit code 3" in words
    assert "cannot find my configuration" in words


def test_the_last_words_are_those_of_this_life(bench, runtime, started):
    first = started("exits")
    eventually(lambda: is_dead(runtime, first.runtime_id))
    bench.will(first.port, "silent")
    second = runtime.start(first.port, generation=2)
    assert "configuration" not in runtime.last_words(second.runtime_id)


def test_a_dead_container_does_not_keep_its_port(bench, runtime, started):
    dead = started("exits")
    eventually(lambda: is_dead(runtime, dead.runtime_id))
    bench.will(dead.port, "well")
    assert runtime.start(dead.port, generation=2).runtime_id != dead.runtime_id


def test_where_there_are_nodes_a_container_is_on_the_one_that_was_asked_for_and_stays(bench, runtime):
    nodes = runtime.nodes()
    asked = nodes[-1] if nodes else ""
    found = runtime.start(bench.port(), generation=1, node=asked)
    eventually(lambda: bench.answers(found), within=10)
    assert found.node == asked
    assert runtime.running() == [found]


def test_containers_outlive_who_started_them(bench, started):
    found = started()
    bench.runtime.close()
    assert bench.another().running() == [found]
    assert bench.answers(found)


def test_housekeeping_leaves_containers_alone(bench, runtime, started):
    found = started()
    runtime.housekeep()
    assert runtime.running() == [found]
    assert bench.answers(found)


def test_watching_returns_at_once_and_disturbs_nobody(runtime, started):
    until = threading.Event()
    runtime.watch(lambda: None, until)
    assert started().alive
    until.set()


def silent(_line: str) -> None:
    """Nobody listens to how it goes."""


def test_a_container_says_what_it_was_started_from(bench, runtime):
    exact = runtime.prepare("", silent)
    found = runtime.start(bench.port(), generation=1, image=exact)
    assert found.image == exact
    assert bench.another().find(found.runtime_id).image == exact
    eventually(lambda: bench.answers(found), within=10)


def test_what_is_started_without_a_name_gets_the_exact_name_of_what_is_configured(bench, runtime):
    found = runtime.start(bench.port(), generation=1)
    assert found.image == runtime.prepare("", silent)


def test_an_exact_name_is_ready_and_stays_what_it_is(runtime):
    exact = runtime.prepare("", silent)
    assert runtime.prepare(exact, silent) == exact


def test_an_image_that_cannot_be_had_is_refused_with_a_sentence(runtime):
    with pytest.raises(ImageMissing, match="missing"):
        runtime.prepare("missing", silent)


def test_what_runs_on_a_port_stays_whatever_image_is_asked_for(bench, runtime, started):
    found = started()
    assert runtime.start(found.port, generation=1, image="another@0123456789ab") == found


def test_an_image_that_is_gone_cannot_be_started(bench, runtime):
    with pytest.raises(StartFailed):
        runtime.start(bench.port(), generation=1, image=bench.gone)


def test_a_paused_container_lives_and_answers_nobody_until_it_is_resumed(bench, runtime, started):
    found = started()
    eventually(lambda: bench.answers(found), within=10)
    runtime.pause(found.runtime_id)
    assert runtime.find(found.runtime_id).alive
    assert not bench.answers(found)
    runtime.resume(found.runtime_id)
    eventually(lambda: bench.answers(found), within=10)


def test_a_paused_container_can_be_killed(runtime, started):
    found = started()
    runtime.pause(found.runtime_id)
    runtime.kill(found.runtime_id)
    assert is_dead(runtime, found.runtime_id)


def test_pausing_and_resuming_what_is_not_there_or_not_paused_is_no_error(runtime, started):
    found = started()
    runtime.resume(found.runtime_id)
    runtime.kill(found.runtime_id)
    runtime.pause(found.runtime_id)
    runtime.resume(found.runtime_id)
    runtime.resume("nobody")
