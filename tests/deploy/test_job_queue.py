import pytest
from rq import Callback, Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from deploy.container import Container
from deploy.container_state import State
from deploy.job_queue import JobQueue, connect, is_ours, queue_names


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
    jobs = Queue(name, connection=connection, serializer=JSONSerializer).jobs
    assert all(is_ours(job) for job in jobs)
    return [(job.func_name, tuple(job.args)) for job in jobs]


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


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("os.system", {"args": ("true",)}),
        ("os.system", {"args": (8000,)}),
        ("deploy.jobs.launch", {"args": ("8000",)}),
        ("deploy.jobs.launch", {"args": (True,)}),
        ("deploy.jobs.launch", {"args": (8000, 1)}),
        ("deploy.jobs.launch", {"args": (8000,), "kwargs": {"port": 1}}),
        ("deploy.jobs.launch", {"args": (8000,), "on_success": Callback("os.system")}),
        ("deploy.jobs.launch", {"args": (8000,), "on_failure": Callback("os.system")}),
        ("deploy.jobs.launch", {"args": (8000,), "on_stopped": Callback("os.system")}),
        ("deploy.jobs.LAUNCHER", {"args": (8000,)}),
    ],
)
def test_a_job_that_we_would_not_put_there_is_not_ours(connection, function, options):
    job = Job.create(function, connection=connection, serializer=JSONSerializer, **options)
    job.save()
    assert not is_ours(Job.fetch(job.id, connection=connection, serializer=JSONSerializer))


def test_a_pickle_is_not_ours_and_is_never_opened(connection):
    job = Job.create("deploy.jobs.launch", args=(8000,), connection=connection)
    job.save()
    assert not is_ours(Job.fetch(job.id, connection=connection, serializer=JSONSerializer))
