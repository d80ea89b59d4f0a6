"""How long to wait before a container is started again: pure, so that the numbers can be read off a table.

Two things are told apart. A start that never became healthy is likely to fail again: the wait doubles, and after
MAX_ATTEMPTS in a row it is given up. A container that was healthy and fell sick is started again at once, and only if
that happens soon after it had become healthy, several times in a row, does it wait; it is never given up.
"""

from deploy.container import Container

MAX_ATTEMPTS = 6  # starts in a row: with these delays about half a minute, then a person should look
FIRST_DELAY = 0.5  # seconds before the second attempt; doubles from there
LONGEST_DELAY = 30.0  # seconds: longer would only lengthen the outage once the cause is gone
SETTLED_SECONDS = 5.0  # healthy for so long: its next sickness is a new one
FREE_RELAPSES = 2  # so many quick relaunches in a row do not wait, since one cause can strike twice


def start_delay(attempts: int) -> float:
    """Seconds to wait after `attempts` starts in a row that did not become healthy."""
    doublings = min(attempts - 1, 10)  # beyond them the longest delay holds anyway
    return min(LONGEST_DELAY, FIRST_DELAY * 2**doublings) if attempts > 0 else 0.0


def relapse_delay(relapses: int) -> float:
    """Seconds to wait when a container was sick `relapses` times in a row soon after it became healthy."""
    return start_delay(relapses - FREE_RELAPSES)


def is_given_up(attempts: int) -> bool:
    """Whether so many starts in a row without health are enough."""
    return attempts >= MAX_ATTEMPTS


def after_sickness(container: Container, now: float) -> dict[str, float]:
    """What is noted on a RUNNING container that is found sick now (unix seconds): when to start it again."""
    relapses = 0 if now - container.since >= SETTLED_SECONDS else container.relapses + 1
    return {"relapses": relapses, "next_try_at": now + relapse_delay(relapses)}


def after_failed_start(container: Container, now: float) -> dict[str, float]:
    """What is noted on a STARTING container that did not become healthy: one attempt more, when to try again."""
    attempts = container.attempts + 1
    return {"attempts": attempts, "next_try_at": now + start_delay(attempts)}
