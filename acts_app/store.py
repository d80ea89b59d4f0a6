"""The acts store as the routes see it: accounts, categories, acts, the request counter, and whether it answers.

Everything that speaks to Redis is below this file; no route spells a key or a command.
"""

import redis

from acts_app import scripts
from acts_app.accounts_store import AccountsStore
from acts_app.acts_store import ActsStore
from acts_app.categories_store import CategoriesStore
from acts_app.patience import Patience
from acts_app.store_connection import PROBE, PROBE_TIMEOUT, REQUESTS, Client, connect, is_full


class Store:
    """One container's view of the store that all containers share."""

    def __init__(self, client: Client, probe_client: Client) -> None:
        self.client = client
        self._probe = probe_client
        self._count = client.register_script(scripts.COUNT)
        self.accounts = AccountsStore(client)
        self.categories = CategoriesStore(client)
        self.acts = ActsStore(client)

    @classmethod
    def at(cls, url: str) -> "Store":
        """The store at a Redis URL. Probes get connections of their own and no patience: they tell how it is now."""
        return cls(connect(url), connect(url, timeout=PROBE_TIMEOUT, patience=Patience(0)))

    def takes_writes(self) -> bool:
        """Whether the store answers and would take a write. Deleting nothing is a write that costs no disk."""
        try:
            self._probe.delete(PROBE)
        except redis.RedisError:
            return False
        return True

    def count_request(self) -> None:
        """One more for `_count`. A full store stops counting rather than refusing to be read."""
        try:
            self._count([REQUESTS])
        except redis.ResponseError as problem:
            if not is_full(problem):
                raise

    def requests(self) -> int:
        """What `_count` answers."""
        return int(self.client.get(REQUESTS) or 0)

    def reset_requests(self) -> None:
        """Back to 0."""
        self.client.delete(REQUESTS)

    def close(self) -> None:
        """Let the connections go."""
        self.client.connection_pool.disconnect()
        self._probe.connection_pool.disconnect()
