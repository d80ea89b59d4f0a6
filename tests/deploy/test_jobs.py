from contextvars import copy_context

import pytest

from deploy import job_queue, jobs
from deploy.container_state import State

WHO = {"reason": "a test", "by": "pytest"}


def perform(machine, job: str, port: int) -> None:
    """As rq does in the process that works."""

    def work() -> None:
        jobs.LAUNCHER.set(machine.launcher())
        getattr(jobs, job)(port)

    copy_context().run(work)


@pytest.mark.parametrize("job", [job_queue.LAUNCH, job_queue.STOP, job_queue.RELAUNCH_PORT])
def test_the_jobs_have_the_names_that_the_queue_gives_them(machine, job):
    assert jobs.__name__ == job_queue.JOBS
    perform(machine, job, 8000)


def test_launch_starts_what_was_ordered(machine):
    machine.orders.launch(8000, **WHO)
    perform(machine, "launch", 8000)
    assert machine.states() == {8000: State.RUNNING}


def test_relaunch_port_replaces_what_is_sick(machine):
    machine.run(8000)
    old = machine.table.get(8000)
    machine.orders.relaunch(8000, **WHO)
    perform(machine, "relaunch_port", 8000)
    assert machine.table.get(8000).generation > old.generation
    assert machine.living() == machine.expected()


def test_stop_ends_what_was_ordered_to_go(machine):
    machine.run(8000)
    machine.orders.stop(8000, **WHO)
    perform(machine, "stop", 8000)
    assert machine.living() == []


def test_outside_of_a_deploy_worker_a_job_fails():
    with pytest.raises(LookupError):
        copy_context().run(jobs.launch, 8000)
