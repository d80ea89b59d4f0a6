"""Suspects: a worker says which container refused it, broke off or answered 500, and the monitor probes it
now.

    NAME:suspects   channel   message = port   published by lb, heard by the monitor

A message that gets lost does no harm: the monitor's next poll finds the same thing.
"""

import redis


def suspects_channel(service: str) -> str:
    """The channel's name."""
    return f"{service}:suspects"


def publish_suspect(client: redis.Redis, service: str, port: int) -> None:
    """Say that something is wrong with the container on `port`."""
    client.publish(suspects_channel(service), str(port))


def suspect_of(message: str) -> int | None:
    """The port a message names; None for anything that is no port."""
    return int(message) if message.isascii() and message.isdigit() else None
