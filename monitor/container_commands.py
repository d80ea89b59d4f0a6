"""`scale`, `launch`, `stop`, `drain` and `relaunch`: what a person does to the containers, so that it holds.

The autoscaler counts a port that somebody has stopped or drained as filled. It is free again with `launch`, or when
more containers are wanted than at any time since.
"""

import getpass
import time
from collections.abc import Callable

import click

from autoscaler import memory, override
from autoscaler.plan import staying
from deploy import stopped
from deploy.by_hand import ByHand
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.draining import acknowledged, what_holds_back
from deploy.orders import Orders
from lb.clock import RedisClock, redis_time
from lb.heartbeat import live_workers
from lb.ring import read_ring
from monitor.session import Service

LOOK_SECONDS = 0.1
WAIT_SECONDS = 120.0  # a drain of 30 s, a boot of 30 s, and twice that

PORT = click.argument("port", type=int)
WAIT = click.option("--wait", is_flag=True, help="Return when it is done; fail if it is not within two minutes.")
LAST_ONE = click.option("--force", is_flag=True, help="Also if it is the last one that serves.")

EXIT = """
    \b
    Exit status: 0 it is done (with --wait) or ordered; 1 it is not, with the reason; 2 the command is wrong.
"""


class Hand:
    """A person at the containers of the running service."""

    def __init__(self) -> None:
        self.service = Service()
        self.by = getpass.getuser()
        self.name = self.service.service.name
        self.table = ContainerTable(self.service.redis, self.service.service)
        self.orders = Orders.open(self.service.redis, self.service.service)
        self.by_hand = ByHand(self.service.redis, self.service.service, self.orders, RedisClock(self.service.redis).now)

    @property
    def ports(self) -> range:
        """Every port that a container may have."""
        return self.service.service.ports

    def container(self, port: int) -> Container:
        """The container on a port; it is a mistake to name one that has none."""
        found = self.table.get(port)
        if found is None:
            raise click.ClickException(f"there is no container on port {port}; see `selfieless status`")
        return found

    def spare_the_last(self, port: int, force: bool) -> None:
        """Nobody takes the last one out of the ring without meaning it."""
        ring = [member.port for member in read_ring(self.service.redis, self.name).members]
        if ring == [port] and not force:
            raise click.ClickException(
                f"{port} is the last one that serves: requests would get 503. `--force` does it, "
                f"`selfieless relaunch {port}` replaces it, `selfieless launch` starts another one first."
            )

    def wait(self, done: Callable[[], str], what: str) -> None:
        """Until `done` answers nothing; it answers what is still missing, and raises when that will not come."""
        deadline = time.monotonic() + WAIT_SECONDS
        while missing := done():
            if time.monotonic() >= deadline:
                raise click.ClickException(f"{what} is not done after {WAIT_SECONDS:.0f} s: {missing}")
            time.sleep(LOOK_SECONDS)


@click.command("stop", epilog=EXIT)
@PORT
@WAIT
@LAST_ONE
def stop_container(port: int, *, wait: bool, force: bool) -> None:
    """Stop the container on PORT; the port stays empty.

    It leaves the ring, what is in flight to it is finished, then it is ended. The autoscaler counts the port as filled
    until more containers are wanted than at any time since, or until `selfieless launch`; then it is used again. It is
    also forgotten when so few are wanted that the port would be stopped anyway.
    """
    hand = Hand()
    hand.container(port)
    hand.spare_the_last(port, force)
    if not hand.by_hand.stop(port, hand.by):
        raise click.ClickException(f"the container on port {port} is on its way out already")
    if wait:
        hand.wait(lambda: state_of(hand.table.get(port)), f"stopping {port}")
    click.echo(f"{port} is {'' if wait else 'drained and '}stopped; `selfieless launch {port}` brings it back.")


@click.command("drain", epilog=EXIT)
@PORT
@WAIT
@LAST_ONE
def drain_container(port: int, *, wait: bool, force: bool) -> None:
    """Take the container on PORT out of the ring, and let it stay up, to be looked at.

    It gets no more requests; those in flight are finished. `selfieless launch PORT` puts it back into the ring,
    `selfieless stop PORT` ends it. Towards the autoscaler it is as a stopped one: see `selfieless stop --help`.
    """
    hand = Hand()
    container = hand.container(port)
    hand.spare_the_last(port, force)
    if not hand.by_hand.drain(port, hand.by):
        raise click.ClickException(f"the container on port {port} is {container.state}, not in the ring")
    if wait:
        hand.wait(lambda: in_use(hand, port), f"draining {port}")
    click.echo(f"{port} is out of the ring and stays up; `selfieless launch {port}` puts it back.")


@click.command("launch", epilog=EXIT)
@click.argument("what", type=int, default=1, metavar="[N|PORT]")
@WAIT
def launch_container(what: int, *, wait: bool) -> None:
    """Launch N more containers (1), or the one on PORT.

    First come the ports that somebody has stopped or drained, then new ones. New ones stay as if so many containers
    had been wanted just now: for STABILIZATION_SECONDS at least, then requests decide. `selfieless scale N` fixes the
    number for longer.
    """
    hand = Hand()
    ports = [what] if what in hand.ports else more(hand, what)
    occupied = launch_each(hand, ports)
    # Of those asked for by number the autoscaler may have launched some: `more` noted them as wanted.
    if what in occupied:
        raise click.ClickException(f"there is a container on port {what} already")
    if wait:
        hand.wait(lambda: not_running(hand, ports), f"launching {listed(ports)}")
    click.echo(f"{listed(ports)} {'serve' if len(ports) > 1 else 'serves'}{'' if wait else ' as soon as healthy'}.")


@click.command("relaunch", epilog=EXIT)
@PORT
@WAIT
def relaunch_container(port: int, *, wait: bool) -> None:
    """Replace the container on PORT by a new one of the same version.

    One that serves is drained first: it loses no request. One that has failed is tried again at once.
    """
    hand = Hand()
    before = hand.container(port)
    if not hand.by_hand.relaunch(port, hand.by):
        raise click.ClickException(f"the container on port {port} is {before.state}: it is on its way already")
    if wait:
        hand.wait(lambda: not_running(hand, [port], before.generation), f"relaunching {port}")
    click.echo(f"{port} is {'replaced' if wait else 'drained and started again; see `selfieless events -f`'}.")


def launch_each(hand: Hand, ports: list[int]) -> list[int]:
    """Launch on all of the ports; those that had a container already."""
    return [port for port in ports if not hand.by_hand.launch(port, hand.by)]


def more(hand: Hand, number: int) -> list[int]:
    """The ports of `number` more containers, noted as wanted where they are more than there were."""
    if number < 1:
        raise click.UsageError(f"{number} is neither a number of containers nor a port of {hand.ports}")
    containers = {one.port: one for one in hand.table.all()}
    kept = [port for port in stopped.read(hand.service.redis, hand.name) if is_free(containers.get(port))]
    free = [port for port in hand.ports if port not in containers and port not in kept]
    chosen, new = kept[:number], free[: max(0, number - len(kept))]
    if len(chosen) + len(new) < number:
        raise click.ClickException(
            f"there can be {len(hand.ports)} containers (MAX_CONTAINERS): {len(chosen) + len(new)} more, not {number}"
        )
    if new:
        want_more(hand, len(staying({port: one.state for port, one in containers.items()})) + number)
    return [*chosen, *new]


def want_more(hand: Hand, number: int) -> None:
    """Let the autoscaler take it as if so many had been wanted just now."""
    if (fixed := override.read(hand.service.redis, hand.name).number) is not None:
        raise click.ClickException(f"the number is fixed at {fixed}: `selfieless scale {number}` or `scale auto` first")
    memory.want(hand.service.redis, hand.name, number, redis_time(hand.service.redis))


def is_free(container: Container | None) -> bool:
    """Whether `launch` can do something on the port: nothing is there, or what was drained."""
    return container is None or container.state is State.DRAINING


def state_of(container: Container | None) -> str:
    """What is still there; empty when nothing is."""
    return "" if container is None else f"it is {container.state}"


def in_use(hand: Hand, port: int) -> str:
    """Who still uses a container that has left the ring; empty when nobody does."""
    container = hand.table.get(port)
    if container is None:
        return ""
    beats = live_workers(hand.service.redis, hand.name)
    seen = (beats, container.ring_version, port)
    return "" if acknowledged(*seen) else what_holds_back(*seen)


def not_running(hand: Hand, ports: list[int], later_than: int = 0) -> str:
    """Which of the ports do not serve yet; a container that has failed ends the wait."""
    missing = []
    for port in ports:
        one = hand.table.get(port)
        if one and one.state is State.FAILED:
            raise click.ClickException(f"the container on port {port} has failed: {one.reason}")
        if one is None or not one.status or one.generation <= later_than:
            missing.append(f"{port} is {one.state if one else 'not there yet'}")
    return "; ".join(missing)


def listed(ports: list[int]) -> str:
    """Ports in words."""
    return " and ".join(map(str, ports))


class NumberOrAuto(click.ParamType[int | None]):
    """A number of containers, or the word auto."""

    name = "N|auto"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """None is auto."""
        if value is None or str(value).lower() == "auto":
            return None
        try:
            return int(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a number nor auto", param, ctx)


@click.command()
@click.argument("number", type=NumberOrAuto(), metavar="N|auto")
def scale(number: int | None) -> None:
    """Fix the number of containers, or let requests decide.

    N holds, whatever comes, until `scale auto`, also over restarts of the parts.
    """
    service = Service()
    try:
        override.set_number(service.redis, service.service, number, getpass.getuser())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo("Requests decide again." if number is None else f"Fixed at {number}, until `selfieless scale auto`.")
