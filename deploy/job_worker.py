"""rq's worker as the deploy worker needs it: in this process, quick to end, and patient with Redis.

Jobs run in the main thread, not in forked children, because they need the runtime and take milliseconds. The worker
ends when `until` is set, not by a signal of its own, and goes on listening however often Redis goes away: after a
blip within a second, after a failure that rq gives up on as a new worker.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from deploy.job_queue import connect, is_ours, queue_names

TTL = 16  # seconds; rq waits for jobs 15 s less in one piece, so this bounds how late the end is noticed to 1 s
ANSWER_SECONDS = 1  # how long Redis may take to answer beyond that wait
TELL_SECONDS = 60.0  # between two lines of the log about one trouble that lasts
RETRY_SECONDS = 0.5  # before a new worker takes over from one that rq has given up

log = logging.getLogger(__name__)


class JobWorker(SimpleWorker):
    """Takes jobs until `until` is set, or until they are somebody else's to do."""

    max_connection_wait_time = 1.0  # seconds between two attempts to reach Redis; rq's own is a minute

    def __init__(
        self,
        queues: list[str],
        until: threading.Event,
        *,
        may_work: Callable[[], bool] = lambda: True,
        connection: redis.Redis,
    ) -> None:
        self._until = until
        self._may_work = may_work
        super().__init__(queues, connection=connection, worker_ttl=TTL, serializer=JSONSerializer)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Do a job of ours; throw away any other, unread."""
        if is_ours(job):
            super().execute_job(job, queue)
            return
        log.error("a job that nobody here has ordered was thrown away: %s", job.id)
        job.delete()

    @property
    def should_run_maintenance_tasks(self) -> bool:
        """Never: rq's maintenance calls what abandoned jobs name. Ours are hints, and expire by themselves."""
        return False

    @property
    def connection_timeout(self) -> int:
        """Seconds that one command may take; rq's own are longer than anybody waits for this process to end."""
        return self.dequeue_timeout + ANSWER_SECONDS

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Between two jobs, and between two waits for one, rq says that it lives: the moment to notice the end."""
        if pipeline is None and (self._until.is_set() or not self._may_work()):
            raise StopRequested
        super().heartbeat(timeout, pipeline)

    def subscribe(self) -> None:
        """No commands are taken over rq's channel."""

    def procline(self, message: str) -> None:
        """The process keeps its own name."""

    def _install_signal_handlers(self) -> None:
        """Signals are the process' business."""


def work(url: str, service: str, until: threading.Event, may_work: Callable[[], bool] = lambda: True) -> None:
    """Do the service's jobs in this thread until `until` is set, while `may_work` says that they are ours to do."""
    told_at = float("-inf")
    while not until.is_set():
        try:
            if may_work():
                worker = JobWorker(queue_names(service), until, may_work=may_work, connection=connect(url))
                worker.work(logging_level="WARNING")
        except redis.RedisError as error:
            if time.monotonic() >= told_at + TELL_SECONDS:
                log.warning("no jobs for now: %s", error)
                told_at = time.monotonic()
        time.sleep(RETRY_SECONDS)  # not until.wait: the handler that sets it runs in this thread, and would wait for us
