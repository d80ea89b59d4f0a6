"""Suspects: a worker says which container refused it, broke off or answered 500, and the monitor probes it
now.

    NAME:suspects   channel   message = port   published by lb, heard by the monitor

A message that gets lost does no harm: the monitor's next poll finds the same thing.
"""


def suspects_channel(service: str) -> str:
    """The channel's name."""
    return f"{service}:suspects"


def command_of(service: str, port: int) -> tuple[str, str, str]:
    """The Redis command that says that something is wrong with the container on `port`."""
    return "PUBLISH", suspects_channel(service), str(port)
