"""Why there are as many containers as there are, in a sentence made from the journal of decisions and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from autoscaler.decision_log import Entry
from autoscaler.policy import PAUSE_SECONDS, Rule, requests

SECONDS_IN_WORDS = {60: "minute", 120: "two minutes", 300: "five minutes", 600: "ten minutes", 3600: "hour"}

Clock = Callable[[float], str]  # unix seconds as a person reads them


def local_time(at: float) -> str:
    """The time of the day where this runs."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


@dataclass(frozen=True)
class Story:
    """What led to the number of one moment.

    `now` is the decision of that moment and `began` the first one of its number; `before` is the one before that,
    None where the journal does not go back so far. `lull` is the first decision since which fewer were wanted.
    """

    now: Entry
    began: Entry
    before: Entry | None
    lull: Entry | None


def story_of(newest_first: Iterable[Entry]) -> Story | None:
    """The story that ends with the first of these entries; None when there are none. Reads no further than it must."""
    now: Entry | None = None
    began: Entry | None = None
    lull: Entry | None = None
    quiet = True
    for entry in newest_first:
        if now is None:
            now = entry
        elif not same_number(entry, now):
            return Story(now, began or now, entry, lull)
        began = entry
        quiet = quiet and entry.wanted < now.target
        lull = entry if quiet else lull
    return Story(now, began or now, None, lull) if now else None


def same_number(one: Entry, other: Entry) -> bool:
    """Whether two decisions came to the same number in the same way."""
    return (one.target, one.fixed) == (other.target, other.fixed)


def why(story: Story, asked_for: float, clock: Clock = local_time) -> str:
    """The story in a sentence; `asked_for` is the unix time that was asked about."""
    told = f"{containers(story.now.target)} {since(story, clock)}, {because(story)}"
    if still := held_back(story, clock):
        told += f"; {still}"
    if story.now.running != story.now.target:
        told += f"; {story.now.running} in the ring at {clock(story.now.at)}"
    if story.now.plan:
        told += f" ({story.now.plan})"
    silence = asked_for - story.now.at
    if silence > PAUSE_SECONDS:
        told += f". Nothing was decided after {clock(story.now.at)}, {silence:.0f} s before that time"
    return told + "."


def since(story: Story, clock: Clock) -> str:
    """From when on it was so."""
    known = "since" if story.before else "since before"
    return f"{known} {clock(story.began.at)}"


def because(story: Story) -> str:
    """What made the number what it is."""
    began, policy = story.began, story.began.policy
    if began.fixed is not None:
        return f"because the operator fixed it at {began.fixed}"
    if began.target != began.highest:  # a brake holds
        return f"because {began.reason}"
    if story.before and went_down(story):
        return because_down(began, story.before)
    if began.target != began.wanted or policy.rule is not Rule.WINDOW or policy.floor.spans:
        return f"because {began.reason}"
    rule = f"{policy.requests_per_container} per container, so {began.wanted}"
    return f"because {requests(began.count)} came in the {in_words(policy.window)} before ({rule})"


def because_down(began: Entry, before: Entry) -> str:
    """Why it went down at last."""
    if before.fixed is not None:
        return f"because the operator gave the number back to the rule, and {began.reason}"
    policy = began.policy
    highest = f"the highest number wanted in the last {policy.stabilization:g} s was {began.highest}"
    return f"because {highest}, no longer {before.target}"


def held_back(story: Story, clock: Clock) -> str:
    """Why it is not fewer, where this moment's requests alone want fewer; empty otherwise."""
    now, lull = story.now, story.lull
    if lull is None or now.fixed is not None:
        return ""
    still = f"but the highest number wanted in the last {now.policy.stabilization:g} s was still {now.highest}"
    if lull.at > story.began.at:
        return f"it would have gone down to {lull.wanted} at {clock(lull.at)} {still}"
    return f"{now.wanted} would have been enough at {clock(now.at)} {still}" if went_down(story) else ""


def went_down(story: Story) -> bool:
    """Whether the number before was a higher one."""
    return story.before is not None and story.before.target > story.began.target


def containers(number: int) -> str:
    """1 container, 2 containers."""
    return f"{number} container" if number == 1 else f"{number} containers"


def in_words(seconds: float) -> str:
    """A usual window by its name: two minutes; any other as a number."""
    return SECONDS_IN_WORDS.get(int(seconds), f"{seconds:g} s") if seconds == int(seconds) else f"{seconds:g} s"
