"""What can be proved of the largest difference between two containers' shares, whatever the load and its order.

Any run of consecutive turns gives two containers the same share or shares one apart. Put together, or taken away
from another, k runs leave them at most k apart. So each bound counts runs.
"""


def of_shared_turn(changes: int = 0) -> int:
    """One run, from the first turn to the last; another one for each change of the ring."""
    return 1 + changes


def of_leases(proxies: int, size: int, deaths: int = 0, changes: int = 0) -> int:
    """All claimed turns are one run. What each proxy has not used yet, the end of its lease, is a run that is taken
    away from it, whatever its length; so is what a proxy that dies leaves. A change of the ring ends the run: the
    next one lacks the ends again, and has in addition what was left over of the leases before.
    """
    rest = int(size > 1)
    return (1 + changes) * (1 + proxies * rest) + changes * proxies * rest + deaths * rest


def of_shards(shards: int, changes: int = 0) -> int:
    """One run for each shard."""
    return shards * (1 + changes)


def of_local(proxies: int, deaths: int = 0, changes: int = 0) -> int:
    """One run for each proxy, and for each that took a dead one's place."""
    return (proxies + deaths) * (1 + changes)


def of_seen_count(rate: float, told_every: float, precision: float) -> float:
    """How many requests a summed count may lack: those of the time since everybody told, and those of the slot that
    the window begins in. It never has one too many.
    """
    return rate * (told_every + precision)
