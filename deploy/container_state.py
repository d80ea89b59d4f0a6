"""The life of a container as one table of allowed moves.

A container is added as STARTING, joins the ring when it becomes RUNNING, and after STOPPING it is gone, or another one
follows on its port (a roll-out). Whoever changes
a container names one of these moves; a move that is not here is a mistake in the code that asks for it. This file
imports nothing of ours, so that everybody may import it.

    (none) ──▶ STARTING ──▶ RUNNING ──▶ DRAINING ──▶ STOPPING ──▶ (gone)
                 ▲  │  │       │  ▲────────┘            ▲
                 │  │  └───┐   │    taken back          │
                 │  ▼      ▼   ▼                        │
                 │ FAILED  SICK ────────────────────────┤
                 └──┴───────┘   (FAILED and STARTING may stop too)
"""

from enum import StrEnum


class State(StrEnum):
    """Where a container is in its life. Only RUNNING receives traffic."""

    STARTING = "starting"  # asked for or started, not healthy yet
    RUNNING = "running"  # in the ring
    SICK = "sick"  # out of the ring, to be killed and started again on the same port
    DRAINING = "draining"  # out of the ring, until the proxy has nothing in flight to it
    STOPPING = "stopping"  # told to end, until it is gone
    FAILED = "failed"  # given up after bounded attempts, nothing runs; a person or a scale decision goes on


MOVES: dict[State, frozenset[State]] = {
    State.STARTING: frozenset({State.RUNNING, State.SICK, State.STOPPING, State.FAILED}),
    State.RUNNING: frozenset({State.SICK, State.DRAINING}),
    State.SICK: frozenset({State.STARTING, State.STOPPING, State.FAILED}),
    State.DRAINING: frozenset({State.RUNNING, State.STOPPING}),
    State.FAILED: frozenset({State.STARTING, State.STOPPING}),
    State.STOPPING: frozenset({State.STARTING}),  # another one follows; else it is removed from the table
}

FIRST = State.STARTING  # the state of a container that is added
LAST = State.STOPPING  # the only state that a container is removed from


def may_move(origin: State, to: State) -> bool:
    """Whether the table allows this move."""
    return to in MOVES[origin]


def in_ring(state: State) -> bool:
    """The Status that people see (True or False): whether a container in this state receives traffic."""
    return state is State.RUNNING
