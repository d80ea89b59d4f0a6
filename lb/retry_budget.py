"""How many second tries a worker may make, so that a sick service is not given twice the load. Pure but for
its state.

A second try is allowed while those of the last 10 s stay below a share of the requests of the last 10 s, or
below 10. Tries after a refused connection are not counted here: nothing was sent, and each container is
tried only once.
"""

from collections import deque

WINDOW = 10  # seconds that are looked back on
AT_LEAST = 10  # tries that are always allowed in a window: a share of nearly nothing would allow none


class RetryBudget:
    """Keeps the budget of one worker. `share` is between 0 and 1."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.totals: deque[int] = deque([0], maxlen=WINDOW + 1)  # requests so far, one entry a second
        self.tries: deque[int] = deque([0], maxlen=WINDOW)  # second tries, one entry a second

    def second_passed(self, requests: int) -> None:
        """Call once a second with the number of requests since the worker's start."""
        self.totals.append(requests)
        self.tries.append(0)

    def take(self, requests: int) -> bool:
        """Whether one more second try may be made now; if so it is counted."""
        recent = requests - self.totals[0]
        allowed = sum(self.tries) < max(AT_LEAST, self.share * recent)
        self.tries[-1] += allowed
        return allowed
