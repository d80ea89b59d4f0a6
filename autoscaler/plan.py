"""What to do so that there are as many containers as there should be: values in, orders and a sentence out.

Ports are contiguous from the first one. Up takes the highest port + 1 (and fills a hole first), down takes the
highest port. A container that is leaving and not yet told to stop is taken back rather than replaced; one that is
being stopped has to be gone before its port can be used again, and the plan says that it waits for it. Ports that a
person has emptied are left empty, and what was drained there goes when its port is not needed any more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deploy.container_state import State

STAYING = frozenset({State.STARTING, State.RUNNING, State.SICK, State.FAILED})  # they exist, well or not


class Step(StrEnum):
    """What can be ordered for a port."""

    LAUNCH = "launch"
    TAKE_BACK = "take back"
    STOP = "stop"


@dataclass(frozen=True)
class Order:
    """One thing to do to one port."""

    step: Step
    port: int

    def __str__(self) -> str:
        """As the journal shows it: "launch 8001"."""
        return f"{self.step} {self.port}"


@dataclass(frozen=True)
class Plan:
    """The orders of one tick, in the order in which they are given, and what is waited for (empty: nothing)."""

    orders: tuple[Order, ...] = ()
    waiting: str = ""

    def __str__(self) -> str:
        """As the journal shows it; empty when there is nothing to do."""
        return ", ".join([*map(str, self.orders), *([self.waiting] if self.waiting else [])])


def staying(states: Mapping[int, State]) -> list[int]:
    """The ports of the containers that exist and are not on their way out, ascending."""
    return sorted(port for port, state in states.items() if state in STAYING)


def plan(states: Mapping[int, State], target: int, first_port: int, by_hand: Collection[int] = ()) -> Plan:
    """How to get from these containers (port -> state) to `target` of them on the ports from `first_port` on.

    `by_hand` are the ports that a person keeps empty: they count as filled.
    """
    every = range(first_port, first_port + target)
    made = plan_without(states, every, [port for port in every if port not in by_hand], by_hand)
    if kept := [port for port in every if port in by_hand]:
        said = f"{listed(kept)} {'stays' if len(kept) == 1 else 'stay'} stopped by hand"
        return Plan(made.orders, ", ".join(filter(None, [made.waiting, said])))
    return made


def plan_without(states: Mapping[int, State], every: range, needed: Sequence[int], by_hand: Collection[int]) -> Plan:
    """The plan for the ports that are needed, which are those of `every` that nobody keeps empty."""
    parked = [port for port in by_hand if states.get(port) is State.DRAINING]
    surplus = [port for port in sorted([*staying(states), *parked], reverse=True) if port not in every]
    arrivals = [order for port in needed if (order := arrival(port, states.get(port)))]
    if arrivals or not surplus:
        return Plan(tuple(arrivals), waiting_for_gone(needed, states))
    # A hole below was filled a moment ago: whoever replaces the surplus has to answer before the surplus goes.
    if booting := [port for port in needed if states.get(port) is State.STARTING]:
        return Plan(waiting=f"waiting for {listed(booting)} before {listed(surplus)} stops")
    if closing := waiting_for_gone(needed, states):
        return Plan(waiting=closing)
    return Plan(tuple(Order(Step.STOP, port) for port in surplus))


def arrival(port: int, state: State | None) -> Order | None:
    """What brings a container to this port, None if one stays there or its port is not yet free."""
    if state is None:
        return Order(Step.LAUNCH, port)
    return Order(Step.TAKE_BACK, port) if state is State.DRAINING else None


def waiting_for_gone(needed: Sequence[int], states: Mapping[int, State]) -> str:
    """Which needed ports are still held by containers that were told to stop; empty if none."""
    closing = [port for port in needed if states.get(port) is State.STOPPING]
    return f"waiting until {listed(closing)} {'is' if len(closing) == 1 else 'are'} gone" if closing else ""


def listed(ports: Sequence[int]) -> str:
    """Ports in words."""
    return " and ".join(map(str, ports))
