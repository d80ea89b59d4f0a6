"""rq's worker on a real Redis, in this thread as in the deploy worker's process."""

import threading

import pytest
from rq import Callback, Queue

from deploy import job_worker
from deploy.job_queue import JobQueue, connect, queue_names
from deploy.job_worker import JobWorker
from deploy.jobs import LAUNCHER


class Noting:
    """In the launcher's place: notes what comes, and asks for the end after the last one."""

    def __init__(self, number: int, until: threading.Event) -> None:
        self.noted: list[tuple[str, int]] = []
        self.number = number
        self.until = until

    def __getattr__(self, job: str):
        def note(port: int) -> None:
            self.noted.append((job, port))
            if len(self.noted) >= self.number:
                self.until.set()
            if port == 8666:
                raise RuntimeError("this port is cursed")

        return note


@pytest.fixture
def queue(redis_server, redis_client):
    return JobQueue(connect(redis_server.url), "acts")


@pytest.fixture
def container(table, clock):
    def add(port: int):
        return table.add(port, now=clock(), reason="a test", by="pytest")

    return add


def work(url: str, number: int) -> list[tuple[str, int]]:
    """What a worker does until it has done so many jobs."""
    until = threading.Event()
    noting = Noting(number, until)
    token = LAUNCHER.set(noting)
    worker = threading.Timer(20, until.set)  # a test that waits for ever fails instead
    worker.start()
    try:
        job_worker.work(url, "acts", until)
    finally:
        worker.cancel()
        LAUNCHER.reset(token)
    return noting.noted


def test_relaunches_are_served_first(queue, container, redis_server):
    queue.launch(container(8000))
    queue.stop(container(8001))
    queue.relaunch_port(container(8002))
    assert work(redis_server.url, 3) == [("relaunch_port", 8002), ("launch", 8000), ("stop", 8001)]


def test_a_job_that_raises_does_not_end_the_worker(queue, container, redis_server):
    queue.launch(container(8666))
    queue.launch(container(8000))
    assert work(redis_server.url, 2) == [("launch", 8666), ("launch", 8000)]


def test_done_jobs_leave_nothing_behind(queue, container, redis_server, redis_client):
    queue.launch(container(8000))
    work(redis_server.url, 1)
    assert redis_client.keys("rq:job:*") == []


def test_jobs_of_another_service_are_left_to_it(queue, container, redis_server, redis_client):
    other = JobQueue(connect(redis_server.url), "other")
    other.launch(container(8001))
    queue.launch(container(8000))
    assert work(redis_server.url, 1) == [("launch", 8000)]
    assert redis_client.llen(f"rq:queue:{queue_names('other')[1]}") == 1


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_a_job_that_somebody_else_put_there_is_thrown_away(
    queue, container, redis_server, redis_client, tmp_path, serializer
):
    """Who may write to Redis must not become the account of the deploy worker."""
    foreign = Queue("acts:scale", connection=connect(redis_server.url), serializer=serializer)
    foreign.enqueue_call("os.mkdir", args=(str(tmp_path / "made"),))
    foreign.enqueue_call("deploy.jobs.launch", args=(8001,), on_success=Callback("os.abort"))
    queue.launch(container(8000))
    assert work(redis_server.url, 1) == [("launch", 8000)]
    assert not (tmp_path / "made").exists()
    assert redis_client.keys("rq:job:*") == []


def test_it_ends_by_itself_when_it_is_told_to(redis_server, redis_client):
    until = threading.Event()
    until.set()
    job_worker.work(redis_server.url, "acts", until)
    worker = JobWorker(queue_names("acts"), until, connection=connect(redis_server.url))
    worker.work(logging_level="WARNING")
    assert redis_client.smembers("rq:workers") == set()


def test_waiting_for_redis_ends_when_it_is_told_to(tmp_path):
    until = threading.Event()
    threading.Timer(0.1, until.set).start()
    job_worker.work(f"unix://{tmp_path}/nobody.sock", "acts", until)


def test_a_redis_that_is_full_is_told_once_and_its_jobs_are_done_when_there_is_room(
    queue, container, redis_server, redis_client, caplog
):
    queue.launch(container(8000))
    redis_client.config_set("maxmemory", 1)
    room = threading.Timer(2, redis_client.config_set, ("maxmemory", 0))
    room.start()
    try:
        assert work(redis_server.url, 1) == [("launch", 8000)]
    finally:
        room.join()
        redis_client.config_set("maxmemory", 0)
    assert [one.message[:15] for one in caplog.records if one.name == "deploy.job_worker"] == ["no jobs for now"]


def test_no_wait_for_redis_is_longer_than_the_process_has_to_end(redis_server):
    worker = JobWorker(queue_names("acts"), threading.Event(), connection=connect(redis_server.url))
    assert (worker.dequeue_timeout, worker.connection_timeout) == (1, 2)
    assert worker.max_connection_wait_time <= 1


def test_the_connection_of_others_is_not_changed(redis_server):
    """rq lengthens the time-outs of the connection it is given."""
    own = connect(redis_server.url)
    JobWorker(queue_names("acts"), threading.Event(), connection=connect(redis_server.url))
    assert own.connection_pool.connection_kwargs["socket_timeout"] == 2.0
