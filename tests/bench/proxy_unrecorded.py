"""Our worker without accounting, for the benchmark alone: turns from a counter of its own, nothing asked of Redis.

The difference to the real worker is what exact turns and records cost a request.
"""

from lb.dispatcher import Dispatcher
from lb.headers import Limits
from lb.proxy import Proxy
from lb.worker import ProxyWorker


class UnrecordedDispatcher(Dispatcher):
    """Knows the ring as ever, but gives turns by itself."""

    def flush(self) -> None:
        """Route the batch at once."""
        batch, self.batch = self.batch, []
        first = self.turn + 1
        self.turn += len(batch)
        self.route_batch(first, batch)


class UnrecordedWorker(ProxyWorker):
    """For gunicorn's --worker-class."""

    def make_proxy(self, limits: Limits) -> Proxy:
        """A proxy whose dispatcher is the one above."""
        proxy = super().make_proxy(limits)
        real = proxy.dispatcher
        proxy.dispatcher = UnrecordedDispatcher(proxy, real.service, real.place, real.worker_id, real.log)
        return proxy
