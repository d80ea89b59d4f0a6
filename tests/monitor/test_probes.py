"""Many containers at once, on real servers."""

import threading

import pytest
from sick_servers import OK, hangs, says

from deploy.container import Container
from deploy.container_state import State
from monitor.probe import Outcome
from monitor.probes import Probes


def container(port: int, address: str, generation: int = 1) -> Container:
    return Container(port, port - 7999, State.RUNNING, generation, address=address)


@pytest.fixture
def probes():
    probes = Probes("/", 0.5, 10)
    yield probes
    probes.close()


def test_all_containers_are_asked_at_the_same_time(serve, probes):
    """Every server answers only when all ten have been asked: one after the other, all would time out."""
    gate = threading.Barrier(10)

    def together(server, connection):
        gate.wait(5)
        connection.sendall(OK)
        return True

    containers = [container(8000 + n, serve(together).address) for n in range(10)]
    assert [probe.status for _, probe in probes.ask(containers)] == [200] * 10


def test_quick_answers_are_not_kept_waiting_by_slow_ones(serve, probes):
    slow, quick = container(8000, serve(hangs).address), container(8001, serve(says(OK)).address)
    answers = [(one.port, probe.outcome) for one, probe in probes.ask([slow, quick])]
    assert answers == [(8001, Outcome.ANSWERED), (8000, Outcome.TIMED_OUT)]


def test_connections_are_kept_from_round_to_round(serve, probes):
    server = serve(says(OK))
    for _ in range(5):
        list(probes.ask([container(8000, server.address)]))
    assert server.connections == 1


def test_a_new_generation_gets_a_new_connection(serve, probes):
    server = serve(says(OK))
    for generation in (1, 2, 3):
        list(probes.ask([container(8000, server.address, generation)]))
    assert server.connections == 3


def test_a_round_that_was_broken_off_does_not_disturb_the_next(serve, probes):
    def after_a_while(server, connection):
        server.closing.wait(0.1)
        connection.sendall(OK)
        return True

    slow, quick = container(8000, serve(after_a_while).address), container(8001, serve(says(OK)).address)
    next(iter(probes.ask([slow, quick])))
    assert [probe.status for _, probe in probes.ask([slow, quick])] == [200, 200]


def test_nobody_is_asked_when_there_is_nobody(probes):
    assert list(probes.ask([])) == []


def test_more_containers_than_threads_are_all_asked(serve):
    few = Probes("/", 2.0, 1)
    server = serve(says(OK))
    containers = [container(8000 + n, server.address, n) for n in range(5)]
    assert sorted(one.port for one, _ in few.ask(containers)) == [8000, 8001, 8002, 8003, 8004]
    few.close()
