"""Is a container well? Values in, values out: one probe and what came before it, then all probes of a round together.

One answer other than 200, or a refusal, makes sick. One time-out may be a busy moment, two in a row make sick. A cause
that containers share is not healed by restarting them: while the store is away nothing is relaunched, and when all of
several containers are late together, they are relaunched one by one, the next when the one before is well again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from monitor.probe import Outcome, Probe


@dataclass(frozen=True)
class Policy:
    """How much patience there is, counted in rounds of probes."""

    timeouts: int = 2  # in a row: one is a busy moment, a third would make a hang last a second longer
    alone: int = 3  # rounds in which one misses the store while others reach it: the cause is its own then


class Verdict(StrEnum):
    """What one container's probe says by itself."""

    WELL = "well"
    UNSURE = "unsure"  # not well, not yet sick; or nobody could ask
    LATE = "late"  # sick, unless all are late together
    STORELESS = "storeless"  # misses its store; whether it is to blame, the others tell
    SICK = "sick"


@dataclass(frozen=True)
class History:
    """What the rounds before left behind, for one container of one generation."""

    timeouts: int = 0  # in a row
    alone: int = 0  # rounds in a row in which it missed the store and others did not


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason, and the history for the next round."""

    verdict: Verdict
    reason: str
    history: History


@dataclass(frozen=True)
class Round:
    """What to do after a round: whom to relaunch and why, and why others that are not well are left alone."""

    sick: Mapping[int, str]  # port -> reason
    held: str = ""  # empty: nothing is held


def judge(history: History, probe: Probe, policy: Policy) -> Judgement:
    """One container by itself."""
    match probe.outcome:
        case Outcome.ANSWERED if probe.status == HTTPStatus.OK:
            return Judgement(Verdict.WELL, probe.detail, History())
        case Outcome.ANSWERED if probe.store_unreachable:
            return Judgement(Verdict.STORELESS, "its store is unreachable", replace(history, timeouts=0))
        case Outcome.TIMED_OUT:
            return judge_late(history, probe, policy)
        case Outcome.UNKNOWN:
            return Judgement(Verdict.UNSURE, probe.detail, history)
        case _:
            return Judgement(Verdict.SICK, probe.detail, History())


def judge_late(history: History, probe: Probe, policy: Policy) -> Judgement:
    """One more time-out: late when there were enough in a row."""
    timeouts = history.timeouts + 1
    late = timeouts >= policy.timeouts
    reason = f"{probe.detail}, {timeouts} times in a row" if late else probe.detail
    return Judgement(Verdict.LATE if late else Verdict.UNSURE, reason, replace(history, timeouts=timeouts))


def is_sure(judgement: Judgement) -> bool:
    """Whether the container is sick whatever the others are: no need to wait for the end of the round."""
    return judgement.verdict is Verdict.SICK


def judge_round(judgements: Mapping[int, Judgement], healing: bool, policy: Policy) -> Round:
    """All RUNNING containers of one round together; `healing` says whether another is being relaunched now."""
    storeless = ports(judgements, Verdict.STORELESS)
    if storeless and not ports(judgements, Verdict.WELL):
        return Round({}, "the store is unreachable; nothing is relaunched until it answers")
    sick = ports(judgements, Verdict.SICK)
    sick += [port for port in storeless if judgements[port].history.alone >= policy.alone]
    late = ports(judgements, Verdict.LATE)
    answering = ports(judgements, Verdict.WELL) or ports(judgements, Verdict.UNSURE)
    if len(late) < 2 or answering:
        return Round({port: judgements[port].reason for port in [*sick, *late]})
    # Everybody is late: overload, or something they share. One new container shows whether relaunching helps at all.
    first = [] if healing or sick else late[:1]
    held = f"none of {len(late)} containers answers in time; they are relaunched one by one"
    return Round({port: judgements[port].reason for port in [*sick, *first]}, held)


def says_something(judgements: Mapping[int, Judgement]) -> bool:
    """Whether anybody's state is known after a round: who is not sure of anybody begins no hold and ends none."""
    return any(judgement.verdict is not Verdict.UNSURE for judgement in judgements.values())


def is_over(judgements: Mapping[int, Judgement], awaited: bool) -> bool:
    """Whether a hold is over though no container is RUNNING, by those that are up all the same.

    `awaited` says whether somebody is on its way who will tell; if nobody is, there is nothing to hold.
    """
    if ports(judgements, Verdict.WELL):
        return True
    return not awaited and not ports(judgements, Verdict.STORELESS)


def ports(judgements: Mapping[int, Judgement], verdict: Verdict) -> list[int]:
    """The ports with this verdict, ascending."""
    return sorted(port for port, judgement in judgements.items() if judgement.verdict is verdict)


def next_histories(judgements: Mapping[int, Judgement]) -> dict[int, History]:
    """What to remember of a round. Whether a container missed the store alone, only the whole round can tell."""
    others_well = bool(ports(judgements, Verdict.WELL))
    return {port: next_history(judgement, others_well) for port, judgement in judgements.items()}


def next_history(judgement: Judgement, others_well: bool) -> History:
    """One container's history, once it is known whether others were well in its round."""
    if judgement.verdict is not Verdict.STORELESS:
        return replace(judgement.history, alone=0)
    return replace(judgement.history, alone=judgement.history.alone + 1 if others_well else 0)
