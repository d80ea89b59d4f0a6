import itertools
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import redis

from deploy.lease import SECONDS, Holder, Lease, holder_of, lease_key, pid_namespace, queue_read, standing_by
from deploy.runtime import processes
from lb.events import Kind, read

NOW = 1_700_000_000.0
ME = Holder.self()
ELSEWHERE = replace(ME, host="another", pid=7)


def lease(client, holder=ME):
    """A lease that asks each time."""
    return Lease(client, "acts", "monitor", me=holder, clock=itertools.count(step=10).__next__)


def waiting(client, now=NOW):
    pipe = client.pipeline()
    queue_read(pipe, "acts", "monitor", now)
    return standing_by(pipe.execute()[0])


def told(client):
    return [event.reason for event in read(client, "acts") if event.kind is Kind.STANDBY]


@pytest.fixture
def short_lived():
    """A process of this machine, and who it is."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        started = processes.stat(process.pid)
        yield process, replace(ME, pid=process.pid, start_ticks=started.start_ticks)
        process.kill()


def test_a_name_says_who_it_is_and_comes_back_from_its_text():
    assert holder_of(str(ME)) == ME
    assert ME.pid == os.getpid()
    assert f"pid {ME.pid}" in ME.words


def test_the_first_one_works_and_the_second_one_stands_by(redis_client):
    assert lease(redis_client).may_work(NOW)
    assert not lease(redis_client, ELSEWHERE).may_work(NOW)
    assert waiting(redis_client) == [ELSEWHERE]
    assert told(redis_client) == [f"monitor: {ELSEWHERE.words} stands by: {ME.words} is at work"]


def test_who_stands_by_is_forgotten_when_it_asks_no_more(redis_client):
    lease(redis_client).may_work(NOW)
    lease(redis_client, ELSEWHERE).may_work(NOW)
    assert waiting(redis_client, NOW + SECONDS + 1) == []


def test_standing_by_is_told_once_and_so_is_the_taking_over(redis_client):
    first, second = lease(redis_client), lease(redis_client, ELSEWHERE)
    first.may_work(NOW)
    assert [second.may_work(NOW) for _ in range(3)] == [False] * 3
    first.give_back()
    assert [second.may_work(NOW) for _ in range(3)] == [True] * 3
    assert told(redis_client)[1:] == [f"monitor: {ELSEWHERE.words} has taken over from {ME.words}"]
    assert waiting(redis_client) == []


def test_the_lease_ends_by_itself_for_those_who_cannot_know_better(redis_client):
    lease(redis_client, ELSEWHERE).may_work(NOW)
    assert 0 < redis_client.pttl(lease_key("acts", "monitor")) <= SECONDS * 1000
    mine = lease(redis_client)
    assert not mine.may_work(NOW)
    redis_client.delete(lease_key("acts", "monitor"))  # as the time to live does
    assert mine.may_work(NOW)


def test_one_that_has_died_on_this_machine_is_followed_at_once(redis_client, short_lived):
    process, other = short_lived
    lease(redis_client, other).may_work(NOW)
    mine = lease(redis_client)
    assert not mine.may_work(NOW)
    process.kill()
    process.wait()
    assert mine.may_work(NOW)


def test_one_on_another_machine_with_our_host_name_is_not_known_to_be_dead(redis_client, short_lived, tmp_path):
    process, other = short_lived
    process.kill()
    process.wait()
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("0d5b3a2e-5f0c-4c7e-9d57-1f6f3c8e6a11\n")
    lease(redis_client, replace(other, namespace=pid_namespace(boot_id))).may_work(NOW)
    assert not lease(redis_client).may_work(NOW)


def test_namespaces_of_one_boot_have_one_name_and_those_of_another_have_not(tmp_path):
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("0d5b3a2e-5f0c-4c7e-9d57-1f6f3c8e6a11\n")
    assert pid_namespace() == pid_namespace() != pid_namespace(boot_id)
    assert pid_namespace(boot_id).endswith("@0d5b3a2e-5f0c-4c7e-9d57-1f6f3c8e6a11")


def test_a_machine_that_does_not_say_which_boot_it_is_has_a_name_that_nobody_else_has(tmp_path):
    missing, empty = tmp_path / "none", tmp_path / "empty"
    empty.touch()
    assert len({pid_namespace(missing), pid_namespace(missing), pid_namespace(empty), pid_namespace(empty)}) == 4


def test_one_of_a_version_that_did_not_know_the_boot_is_understood_and_not_known_to_be_dead(redis_client):
    before = holder_of(f"{ME.host} {ME.namespace.partition('@')[0]} 7 9")
    assert not before.is_gone(ME)
    redis_client.set(lease_key("acts", "monitor"), str(before))
    assert not lease(redis_client).may_work(NOW)


def test_one_that_only_sleeps_is_not_taken_for_dead_and_finds_its_lease_gone(redis_client, short_lived):
    process, other = short_lived
    theirs = lease(redis_client, other)
    theirs.may_work(NOW)
    process.send_signal(signal.SIGSTOP)
    mine = lease(redis_client)
    assert not mine.may_work(NOW)
    redis_client.delete(lease_key("acts", "monitor"))
    assert mine.may_work(NOW)
    assert not theirs.may_work(NOW)


def test_who_does_not_have_it_cannot_give_it_back(redis_client):
    mine = lease(redis_client)
    mine.may_work(NOW)
    lease(redis_client, ELSEWHERE).give_back()
    assert mine.may_work(NOW)
    assert redis_client.get(lease_key("acts", "monitor")) == str(ME)


def test_it_is_renewed_once_a_second_and_not_at_each_tick(redis_client):
    mine = Lease(redis_client, "acts", "monitor", clock=itertools.count(step=0.1).__next__)
    mine.may_work(NOW)
    redis_client.delete(lease_key("acts", "monitor"))
    assert mine.may_work(NOW)
    assert not redis_client.exists(lease_key("acts", "monitor"))


def test_a_tick_that_is_not_ours_is_left_out(redis_client):
    ticks = []
    lease(redis_client).may_work(NOW)
    lease(redis_client, ELSEWHERE).guard(ticks.append)(NOW)
    lease(redis_client).guard(ticks.append)(NOW + 1)
    assert ticks == [NOW + 1]


def test_while_redis_is_away_the_tick_itself_decides(tmp_path):
    with redis.Redis(unix_socket_path=str(tmp_path / "none.sock")) as away:
        mine = lease(away)
        assert mine.may_work(NOW)
        mine.give_back()


def test_a_lost_redis_makes_one_of_two_the_one_at_work(redis_client):
    first, second = lease(redis_client), lease(redis_client, ELSEWHERE)
    first.may_work(NOW)
    second.may_work(NOW)
    redis_client.flushall()
    assert [second.may_work(NOW), first.may_work(NOW), second.may_work(NOW)] == [True, False, True]
