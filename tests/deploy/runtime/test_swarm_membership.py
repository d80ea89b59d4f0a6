"""What an engine is in its swarm, from what it says of itself."""

import pytest

from deploy.runtime.swarm_membership import manager, outsider, without_leader


def node(*, ready: bool = True, reachable: bool | None = True) -> dict:
    said = {"Status": {"State": "ready" if ready else "down"}}
    if reachable is not None:
        said["ManagerStatus"] = {"Reachability": "reachable" if reachable else "unreachable"}
    return said


@pytest.mark.parametrize(
    ("swarm", "found", "fix"),
    [
        ({"LocalNodeState": "inactive"}, "belongs to no swarm", "docker swarm init"),
        ({"LocalNodeState": "active"}, "a worker", "promote"),
        ({"LocalNodeState": "locked", "Error": "no key"}, "locked: no key", "docker info"),
    ],
)
def test_who_is_no_manager_is_told_what_to_do(swarm, found, fix):
    said = outsider(swarm)
    assert not said.is_usable
    assert found in said.found
    assert fix in said.fix


def test_without_a_majority_nothing_can_be_started():
    said = without_leader({"Managers": 3}, "no leader")
    assert not said.is_usable
    assert "more than half of the 3" in said.fix


@pytest.mark.parametrize(
    ("nodes", "found", "warns"),
    [
        ([node()], "1 of 1 nodes are ready, 1 of 1 managers answer", False),
        ([node(), node(), node()], "3 of 3 nodes are ready, 3 of 3 managers answer", False),
        ([node(), node(), node(ready=False, reachable=False)], "2 of 3 nodes are ready, 2 of 3 managers", True),
        ([node(), node(reachable=None)], "2 of 2 nodes are ready, 1 of 1 managers answer", True),
    ],
)
def test_a_manager_says_how_many_answer_and_warns_when_none_may_fail(nodes, found, warns):
    said = manager(nodes)
    assert said.is_usable
    assert found in said.found
    assert bool(said.fix) is warns
