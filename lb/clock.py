"""One clock for all machines: the time that the state Redis has.

Whatever is written into Redis with a time is compared there with times of other machines, and their clocks may be
seconds apart. So nobody goes by his own: everybody asks Redis for its TIME about once a second, off the hot path, and
remembers what must be added to his own monotonic clock. That is an addition where the time is needed, and a clock of
this machine that is set meanwhile does not matter.

An answer is taken to be of the middle of its way there and back, so it is wrong by half of that way at most. An answer
that took long does not replace a better one, unless the two cannot both be true: then somebody has set the clock of
Redis, or another Redis has taken over, and the newer one counts. While Redis is away the last offset goes on, for that
is the best guess; after ten seconds without an answer it is not called known any more.
"""

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

import redis

ASK_SECONDS = 0.9  # between two questions: whoever ticks once a second asks in every tick
ASK_AGAIN_SECONDS = 5.0  # after a question without an answer: who asks waits as long as for any other command
KNOWN_SECONDS = 10.0  # without an answer for longer: not known
DRIFT = 0.001  # seconds that two clocks may part in a second: ten times what bad quartz does
FAR_SECONDS = 1.0  # this machine's clock is that far off: worth a word

log = logging.getLogger(__name__)


class Sample(NamedTuple):
    """One answer of Redis, in seconds."""

    offset: float  # the unix time of Redis minus this machine's monotonic clock
    error: float  # how wrong the offset may have been when it was taken
    taken: float  # on the monotonic clock

    def error_at(self, moment: float) -> float:
        """How wrong it may be by now, since clocks drift."""
        return self.error + DRIFT * max(0.0, moment - self.taken)


def sample_of(sent: float, received: float, answer: Sequence[int | bytes]) -> Sample:
    """The sample of an answer to TIME (seconds, microseconds); sent and received by the monotonic clock."""
    seconds, microseconds = answer
    return Sample(int(seconds) + int(microseconds) / 1e6 - (sent + received) / 2, (received - sent) / 2, received)


def better(known: Sample, new: Sample) -> Sample:
    """Which of two to go by: the surer one; the newer one where both cannot be true."""
    error = known.error_at(new.taken)
    contradict = abs(new.offset - known.offset) > error + new.error
    return new if contradict or new.error <= error else known


class Clock:
    """What is known of the time of Redis. Who asks tells `sampled`; `time.monotonic() + offset` is the time."""

    def __init__(self) -> None:
        self._sample: Sample | None = None
        self._answered = 0.0  # when the last answer came, monotonic
        self.offset = time.time() - time.monotonic()  # until Redis has answered, this machine's own clock

    def sampled(self, sent: float, received: float, answer: Sequence[int | bytes]) -> None:
        """Redis has answered TIME; sent and received by the monotonic clock."""
        new = sample_of(sent, received, answer)
        self._sample = better(self._sample, new) if self._sample else new
        self._answered, self.offset = received, self._sample.offset

    def now(self) -> float:
        """Unix seconds as Redis has them, as far as is known."""
        return time.monotonic() + self.offset

    @property
    def is_known(self) -> bool:
        """Whether Redis has answered lately."""
        return self._sample is not None and time.monotonic() - self._answered <= KNOWN_SECONDS

    @property
    def ahead(self) -> float | None:
        """How many seconds this machine's own clock is ahead of Redis' (below 0: behind); None: not known."""
        return time.time() - self.now() if self.is_known else None

    @property
    def trouble(self) -> str:
        """A sentence when this machine's own clock is far off; empty when it is not, or nobody knows."""
        ahead = self.ahead or 0.0
        if abs(ahead) < FAR_SECONDS:
            return ""
        way = "ahead of" if ahead > 0 else "behind"
        return (
            f"this machine's clock is {abs(ahead):.1f} s {way} the state Redis'. Nothing is counted or decided by it, "
            "but logs are dated by it: let both be set by NTP"
        )


class RedisClock(Clock):
    """A clock that asks Redis itself, when it is asked and has not just done so. For any thread; never raises."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        self._redis = client
        self._ask_at = 0.0
        self._said = False

    def now(self) -> float:
        """Unix seconds as Redis has them; as it had them, or as this machine has them, while it does not answer."""
        if time.monotonic() >= self._ask_at:
            self._ask()
        return super().now()

    def _ask(self) -> None:
        sent = time.monotonic()
        self._ask_at = sent + ASK_SECONDS
        try:
            answer = time_of(self._redis)
        except redis.RedisError:
            self._ask_at = time.monotonic() + ASK_AGAIN_SECONDS
            return
        self.sampled(sent, time.monotonic(), answer)
        if self.trouble and not self._said:
            self._said = True
            log.warning("%s", self.trouble)


def time_of(client: redis.Redis) -> tuple[int, int]:
    """What Redis answers to TIME: seconds and microseconds. Raises redis.RedisError."""
    return client.time()


def redis_time(client: redis.Redis) -> float:
    """Unix seconds as Redis has them now, for who needs them once. Raises redis.RedisError."""
    seconds, microseconds = time_of(client)
    return seconds + microseconds / 1e6
