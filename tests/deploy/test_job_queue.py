import pytest
from rq import Queue

from deploy.container import Container
from deploy.container_state import State
from deploy.job_queue import JobQueue, connect, queue_names


@pytest.fixture
def connection(redis_server, redis_client):
    with connect(redis_server.url) as client:
        yield client


@pytest.fixture
def queue(connection):
    return JobQueue(connection, "acts")


def container(generation: int = 5, moves: int = 1) -> Container:
    return Container(8000, 1, State.STARTING, generation, moves=moves)


def waiting(connection, name: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(job.func_name, job.args) for job in Queue(name, connection=connection).jobs]


def test_a_relaunch_has_a_queue_of_its_own(queue, connection):
    queue.launch(container())
    queue.stop(container())
    queue.relaunch_port(container())
    assert waiting(connection, "acts:relaunch") == [("deploy.jobs.relaunch_port", (8000,))]
    assert waiting(connection, "acts:scale") == [("deploy.jobs.launch", (8000,)), ("deploy.jobs.stop", (8000,))]


def test_the_relaunch_queue_is_served_first():
    assert queue_names("acts") == ["acts:relaunch", "acts:scale"]


def test_the_same_job_is_queued_once(queue, connection):
    queue.launch(container())
    queue.launch(container())
    queue.launch(container(generation=6))
    queue.launch(container(moves=3))
    assert len(waiting(connection, "acts:scale")) == 3


def test_a_service_name_with_a_dot_is_no_trouble(connection):
    JobQueue(connection, "acts.v2").stop(container())
    assert waiting(connection, "acts.v2:scale") == [("deploy.jobs.stop", (8000,))]
