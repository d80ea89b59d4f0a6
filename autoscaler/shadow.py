"""Another policy beside the one in force: decided at each tick from the same load, written down, never acted on.

It remembers under a name of its own (`memory.shadow_of`), and what exists for it is what it would have launched: so the
journal shows what it would have done, and not what it would do with the other one's containers.
"""

from dataclasses import replace

import redis
from redis.client import Pipeline

from autoscaler import memory
from autoscaler.policy import Decision, History, Measured, Policy, decide
from lb import request_window


class ShadowPolicy:
    """The shadow policy of one service. `client` is its state Redis."""

    def __init__(self, client: redis.Redis, service_name: str, policy: Policy) -> None:
        self._redis = client
        self._service_name = service_name
        self.policy = policy

    def decide(self, seen: Measured) -> tuple[Decision, History]:
        """What it makes of what the tick saw. Raises redis.RedisError."""
        pipe = self._redis.pipeline(transaction=True)
        request_window.count(pipe, self._service_name, seen.at, self.policy.window)
        memory.queue_read_past(pipe, memory.shadow_of(self._service_name))
        count, remembered, changed = pipe.execute()
        changes = memory.changes_of(changed)
        existing = seen.existing if changes.target is None else changes.target
        mine = replace(seen, count=count, existing=existing, fixed=None)
        return decide(mine, memory.history_of(remembered), self.policy, changes)

    def queue_write(self, pipe: Pipeline, decision: Decision, history: History) -> None:
        """Queue the remembering."""
        memory.queue_write_past(pipe, memory.shadow_of(self._service_name), history, decision)
