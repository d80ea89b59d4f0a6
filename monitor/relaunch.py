"""Ordering a relaunch of the very container that was judged, and of none that has taken its place meanwhile."""

import logging
from typing import Protocol

from deploy.container import Container
from deploy.container_table import ContainerTable

WHO = "monitor"

log = logging.getLogger(__name__)


class Orders(Protocol):
    """Who takes the order to relaunch; answers whether this caller won. `deploy.orders.Orders` does."""

    def relaunch(self, port: int, reason: str, by: str) -> bool:
        """Take the container out of the ring as sick and start another on its port."""


def relaunch(table: ContainerTable, orders: Orders, judged: Container, reason: str) -> bool:
    """Order it, if the container is still as it was judged; True if this caller won. Raises redis.RedisError.

    Between this look and the order somebody else could only relaunch it too, and that takes far longer.
    """
    seen = table.get(judged.port)
    if seen is None or (seen.generation, seen.moves) != (judged.generation, judged.moves):
        return False
    won = orders.relaunch(judged.port, reason, WHO)
    if won:
        log.warning("%d is to be relaunched: %s", judged.port, reason)
    return won
