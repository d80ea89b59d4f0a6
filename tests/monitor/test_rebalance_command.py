"""`rebalance` as it is typed, on a real Redis, with no deploy worker behind it."""

import json

import pytest

from deploy.rebalance import Phase
from deploy.rebalancer import Rebalances
from deploy.roller import Rollouts


@pytest.fixture
def rebalances(ward):
    return Rebalances(ward.redis, ward.service)


@pytest.fixture
def begun(ward, rebalances):
    ward.start(8000, 8001)
    return rebalances.begin(by="ann", now=1.0)


def test_on_one_machine_there_is_nowhere_to_move_to(run, ward, rebalances, monkeypatch):
    monkeypatch.setenv("RUNTIME", "process")
    ward.start(8000)
    answer = run("rebalance")
    assert answer.exit_code == 1
    assert answer.output.strip() == (
        "Error: all containers of the process runtime are on this machine: rebalance is for RUNTIME=swarm"
    )
    assert rebalances.read().phase is Phase.NONE


def test_the_status_is_a_sentence_and_json(run, ward, rebalances):
    assert run("rebalance", "--status").output == "No containers were moved between nodes since the start.\n"
    ward.start(8000, 8001)
    rebalances.begin(by="ann", now=1.0)
    assert run("rebalance", "--status").output == "no container is on its way; 0 moved so far, begun by ann.\n"
    facts = json.loads(run("rebalance", "--status", "--json").output)
    assert (facts["phase"], facts["moved"], facts["by"]) == ("moving", 0, "ann")


def test_the_status_says_what_moves(run, ward, begun):
    ward.redis.hset("acts:rebalance", mapping={"port": 8001, "origin": "node1", "to": "node2", "moved": 1})
    said = run("rebalance", "--status").output
    assert said == "8001 moves from node1 to node2; 1 moved so far, begun by ann.\n"


def test_one_that_was_stopped_says_why(run, ward, begun):
    ward.redis.hset("acts:rebalance", mapping={"phase": "stopped", "reason": "no room", "moved": 2})
    assert run("rebalance", "--status").output == "The spread was not made even (no room); 2 moved.\n"


def test_abort_ends_it(run, begun, rebalances):
    assert run("rebalance", "--abort").exit_code == 0
    assert rebalances.read().phase is Phase.ABORTED
    again = run("rebalance", "--abort")
    assert again.exit_code == 1
    assert "no containers are being moved" in again.output


def test_a_roll_out_waits_for_its_end(run, ward, begun, monkeypatch):
    monkeypatch.setenv("RUNTIME", "process")
    answer = run("deploy", "--detach")
    assert answer.exit_code == 1
    assert "selfieless rebalance --abort" in answer.output
    assert not Rollouts(ward.redis, ward.service).read().is_active


def test_two_wishes_at_once_are_a_wrong_command(run, redis_client):
    assert run("rebalance", "--abort", "--status").exit_code == 2
