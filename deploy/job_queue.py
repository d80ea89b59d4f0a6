"""The jobs of the deploy worker, in rq: the only place that names them.

Two queues: `NAME:relaunch` is served first, `NAME:scale` holds launches and stops. A job is a hint that makes the
worker begin now. What is to be done stands in the table, so a job that is lost, or run twice, does no harm.

Jobs are JSON and not pickles, and only the three that are named here are ever run: who may write to Redis must not be
able to have code of his own run by the account of the deploy worker.

    rq:queue:NAME:relaunch, rq:queue:NAME:scale, rq:job:…   rq's own
"""

from typing import Any

import redis
from rq import Queue
from rq.exceptions import DeserializationError, DuplicateJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from deploy.container import Container
from lb import redis_client

JOBS = "deploy.jobs"  # the module whose functions the worker calls, by these names
LAUNCH, STOP, RELAUNCH_PORT = "launch", "stop", "relaunch_port"

CALLBACKS = ("_success_callback_name", "_failure_callback_name", "_stopped_callback_name")  # rq would import these

JOB_TIMEOUT = 60  # seconds; the slowest step is an engine that starts a container
FAILURE_TTL = 86400  # seconds that a failed job stays readable: a day


def connect(url: str) -> redis.Redis:
    """A client as rq wants it: answers are bytes, nothing is tried twice."""
    return redis_client.connect(url, name="jobs", decode=False)


def queue_names(service: str) -> list[str]:
    """The queues in the order in which they are served."""
    return [f"{service}:relaunch", f"{service}:scale"]


def job_id(service: str, job: str, container: Container) -> str:
    """One name for one visit of the container to its state; rq allows letters, digits, _ and - in it."""
    return f"{service.replace('.', '_')}-{job}-{container.port}-{container.generation}-{container.moves}"


def is_ours(job: Job) -> bool:
    """Whether `JobQueue` may have put a job there: a function of ours, one port, and nothing else to call."""
    try:
        known = job.func_name in {f"{JOBS}.{name}" for name in (LAUNCH, STOP, RELAUNCH_PORT)}
        port_alone = not job.instance and not job.kwargs and [type(value) for value in job.args] == [int]
    except DeserializationError:
        return False
    return known and port_alone and not (job.webhooks or any(getattr(job, name) for name in CALLBACKS))


class JobQueue:
    """Puts jobs into the queues. Raises redis.RedisError when Redis does not answer."""

    def __init__(self, client: redis.Redis, service: str) -> None:
        self._service = service
        self._relaunch, self._scale = (
            Queue(name, connection=client, serializer=JSONSerializer) for name in queue_names(service)
        )

    def launch(self, container: Container) -> None:
        """Let the worker start this container."""
        self._put(self._scale, LAUNCH, container)

    def stop(self, container: Container) -> None:
        """Let the worker drain and end this container."""
        self._put(self._scale, STOP, container)

    def relaunch_port(self, container: Container) -> None:
        """Let the worker kill this container and start another on its port, before any launch or stop."""
        self._put(self._relaunch, RELAUNCH_PORT, container)

    def _put(self, queue: Queue, job: str, container: Container) -> None:
        options: dict[str, Any] = {"timeout": JOB_TIMEOUT, "result_ttl": 0, "failure_ttl": FAILURE_TTL}
        try:
            queue.enqueue_call(
                f"{JOBS}.{job}",
                args=(container.port,),
                job_id=job_id(self._service, job, container),
                description=f"{job}({container.port})",
                unique=True,
                **options,
            )
        except DuplicateJobError:
            return  # it waits already
