"""Reading Swarm's answers about tasks and nodes."""

import pytest

from deploy.runtime import swarm_tasks
from deploy.runtime.swarm_tasks import current, ending_of, has_ended, has_run, newest, runs


def task(state: str, node: str = "a", *, wanted: str = "running", made: int = 1, err: str = "", **container) -> dict:
    status = {"State": state, "Message": state, "ContainerStatus": container}
    if err:
        status["Err"] = err
    return {"ID": f"{state}-{made}", "NodeID": node, "DesiredState": wanted, "CreatedAt": str(made), "Status": status}


def test_a_task_on_a_node_that_is_down_does_not_run_whatever_its_node_has_said_last():
    assert runs(task("running"), ())
    assert not runs(task("running"), {"a"})
    assert has_ended(task("running"), {"a"})
    assert ending_of(task("running"), {"a"}) == "its node is down"


def test_the_current_task_is_the_one_that_runs_and_else_the_one_that_soon_will():
    old, ready, lost = task("running", made=1), task("starting", made=2), task("running", "down", made=3)
    assert current([ready, old, lost], {"down"}) == old
    assert current([ready, lost], {"down"}) == ready
    assert current([task("shutdown"), task("running", wanted="shutdown")], ()) is None


def test_the_newest_of_the_dead_is_the_one_made_last():
    assert newest([task("failed", made=1), task("shutdown", made=2), task("running", made=3)], ())["CreatedAt"] == "2"
    assert newest([task("running")], ()) is None


@pytest.mark.parametrize(
    ("one", "ran", "words"),
    [
        (task("failed", err="task: non-zero exit (3)", ExitCode=3), True, "exit code 3"),
        (task("complete", ExitCode=0), True, "exit code 0"),
        (task("rejected", err="No such image: nowhere"), False, "No such image: nowhere"),
        (task("running"), False, ""),
    ],
)
def test_how_a_task_has_ended_is_said_in_words(one, ran, words):
    assert has_run(one) is ran
    assert ending_of(one, ()) == words


def test_the_address_of_a_container_is_the_one_on_our_network():
    def attached(name: str, *addresses: str) -> dict:
        return {"Network": {"Spec": {"Name": name}}, "Addresses": list(addresses)}

    one = {"NetworksAttachments": [attached("other", "10.0.5.2/24"), attached("acts", "10.0.9.7/24")]}
    assert swarm_tasks.overlay_address(one, "acts") == "10.0.9.7"
    assert swarm_tasks.overlay_address({}, "acts") == ""


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ({"Status": {"Addr": "10.1.0.12"}}, "10.1.0.12"),
        ({"Status": {"Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "10.1.0.11:2377"}}, "10.1.0.11"),
        ({"Status": {}}, "127.0.0.1"),
    ],
)
def test_the_address_of_a_node_is_the_one_that_others_know(node, address):
    assert swarm_tasks.node_address(node, "127.0.0.1") == address
