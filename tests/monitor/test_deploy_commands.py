"""`deploy` as it is typed, on a real Redis, with no deploy worker behind it."""

import json
import sys

import pytest
from click.testing import CliRunner

from deploy.roller import Rollouts
from deploy.rollout import Phase
from monitor.cli import cli


@pytest.fixture
def run(redis_server, tmp_path, monkeypatch):
    """Runs a command in this process; the answer has output and exit_code."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME", "process")
    monkeypatch.setenv("SERVICE_COMMAND", f"{sys.executable} first.py")
    return lambda *words: CliRunner().invoke(cli, words, catch_exceptions=False)


@pytest.fixture
def rollouts(ward):
    return Rollouts(ward.redis, ward.service)


def test_a_roll_out_of_what_is_on_disk_is_begun(run, ward, rollouts):
    ward.start(8000)
    assert run("deploy", "--detach").exit_code == 0
    begun = rollouts.read()
    assert begun.phase is Phase.ROLLING
    assert begun.origin == "v1"
    assert begun.target.startswith("first.py@")


def test_an_image_is_a_command_line_under_the_process_runtime(run, ward, rollouts):
    ward.start(8000)
    assert run("deploy", f"{sys.executable} second.py", "--detach").exit_code == 0
    assert rollouts.read().target.startswith("second.py@")


def test_what_cannot_be_run_is_refused_before_anything_happens(run, ward, rollouts):
    ward.start(8000)
    answer = run("deploy", "no-such-program")
    assert answer.exit_code == 1
    assert "no such program" in answer.output
    assert rollouts.read().phase is Phase.NONE


def test_only_one_at_a_time(run, ward):
    ward.start(8000)
    run("deploy", "--detach")
    answer = run("deploy")
    assert answer.exit_code == 1
    assert "--abort" in answer.output


def test_without_one_before_there_is_nothing_to_go_back_to(run, ward):
    ward.start(8000)
    answer = run("deploy", "--rollback")
    assert answer.exit_code == 1
    assert "no version before this one" in answer.output


def test_back_to_the_one_before(run, ward, rollouts):
    ward.start(8000)
    first = json.loads(run("deploy", "--detach", "--json").output.splitlines()[0])["line"].split()[0]
    over = rollouts.read()
    ward.redis.hset("acts:rollout", mapping={"phase": "done", "image": "other", "previous": first})
    assert over.target == first
    assert run("deploy", "--rollback", "--detach").exit_code == 0
    assert rollouts.read().target == first


def test_abort_begins_to_undo(run, ward, rollouts):
    ward.start(8000)
    assert run("deploy", "--abort").exit_code == 1
    run("deploy", "--detach")
    assert run("deploy", "--abort", "--detach").exit_code == 0
    assert rollouts.read().phase is Phase.UNDOING


def test_one_that_failed_is_an_exit_code_and_the_reason(run, ward, rollouts, redis_client):
    ward.start(8000)
    run("deploy", "--detach")
    redis_client.hset("acts:rollout", mapping={"phase": "failed", "reason": "8001: no module named x"})
    assert "no module named x" in run("deploy", "--status").output


def test_the_status_is_a_sentence_and_json(run, ward):
    ward.start(8000)
    assert "Nothing was deployed" in run("deploy", "--status").output
    run("deploy", "--detach")
    assert "rolling out first.py@" in run("deploy", "--status").output
    facts = json.loads(run("deploy", "--status", "--json").output)
    assert (facts["phase"], facts["rolled"], facts["containers"]) == ("rolling", 0, {"8000": "v1"})


@pytest.mark.parametrize("words", [["v2", "--rollback"], ["--abort", "--status"], ["v2", "--status"]])
def test_two_wishes_at_once_are_a_wrong_command(run, redis_client, words):
    assert run("deploy", *words).exit_code == 2
