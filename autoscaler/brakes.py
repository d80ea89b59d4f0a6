"""How fast the number of containers may change: steps and cool-downs, values in, values out.

A step is the most containers by which the number may change at once, a cool-down the seconds that must pass between two
changes in the same direction. Both are 0 unless a policy asks for them: then nothing is slowed.
"""

from typing import NamedTuple

NEVER = float("-inf")


class Brake(NamedTuple):
    """What slows one direction: containers for each change (0: any number), seconds between two changes."""

    step: int = 0
    cooldown: float = 0.0


class Brakes(NamedTuple):
    """What slows each direction."""

    up: Brake = Brake()
    down: Brake = Brake()


class Changes(NamedTuple):
    """What is remembered: the last target (None: nobody knows), and when it last went up and down (unix times)."""

    target: int | None = None
    up_at: float = NEVER
    down_at: float = NEVER


UNKNOWN = Changes()


def braked(asked: int, before: int, past: Changes, now: float, brakes: Brakes) -> int:
    """The number of containers nearest to `asked` that may follow `before` at unix time `now`."""
    brake, at = (brakes.up, past.up_at) if asked > before else (brakes.down, past.down_at)
    if asked == before or now - at < brake.cooldown:
        return before
    most = brake.step or abs(asked - before)
    return before + max(-most, min(most, asked - before))


def followed_by(past: Changes, before: int, target: int, now: float) -> Changes:
    """What is remembered after the number went from `before` to `target` at unix time `now`."""
    up_at = now if target > before else past.up_at
    down_at = now if target < before else past.down_at
    return Changes(target, up_at, down_at)
