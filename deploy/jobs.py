"""What rq calls, by the names that `job_queue` has. Each begins a story and returns; `launcher` tells the stories."""

from contextvars import ContextVar

from deploy.launcher import Launcher

LAUNCHER: ContextVar[Launcher] = ContextVar("launcher")  # set by the process that works, before it takes a job


def launch(port: int) -> None:
    """Start the container that was added to the table."""
    LAUNCHER.get().launch(port)


def stop(port: int) -> None:
    """Drain and end the container."""
    LAUNCHER.get().stop(port)


def relaunch_port(port: int) -> None:
    """Kill what is sick on the port and start another one there."""
    LAUNCHER.get().relaunch_port(port)
