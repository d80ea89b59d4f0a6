"""What persons and roll-outs do to containers, as the plan has to see it: pure.

A port that somebody has stopped or drained counts as filled for as long as no more containers are wanted than were
then. A container that a roll-out replaces counts as one that starts; the extra one of a roll-out does not count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deploy.container import Container
from deploy.container_state import State
from deploy.orders import LEAVING
from deploy.stopped import Marks, Stopped


def states_for_plan(containers: Iterable[Container]) -> dict[int, State]:
    """Port → state, of the containers that are the plan's business."""
    return {one.port: seen_state(one) for one in containers if not one.surge}


def seen_state(container: Container) -> State:
    """A container that makes way for another one on its port is as good as that one, which has to start yet."""
    return State.STARTING if container.successor and container.state in LEAVING else container.state


def changed_marks(marks: Marks, states: Mapping[int, State], needed: range) -> dict[int, Stopped | None]:
    """The marks that are to be written anew at this tick, with None for those that are over.

    Over: more containers are wanted than were at any time since; or the port is beyond what is needed, and empty.
    """
    after = {port: settled(port, mark, states, needed) for port, mark in marks.items()}
    return {port: mark for port, mark in after.items() if mark != marks[port]}


def settled(port: int, mark: Stopped, states: Mapping[int, State], needed: range) -> Stopped | None:
    """One mark after a tick."""
    least = len(needed) if mark.wanted is None else min(mark.wanted, len(needed))
    if len(needed) > least or (port not in needed and port not in states):
        return None
    return replace(mark, wanted=least)
