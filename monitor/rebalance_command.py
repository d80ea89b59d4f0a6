"""`rebalance`: moves containers from the fullest node to the emptiest, until the spread is even.

The deploy worker moves them; this command begins it, and watches. So Ctrl-C ends the watching and nothing else.
"""

import getpass
import json
from dataclasses import asdict

import click

from deploy.rebalance import Phase, Rebalance
from deploy.rebalancer import Rebalances
from deploy.roller import Rollouts
from deploy.runtime.choose import choose_runtime
from deploy.settings import DeploySettings
from lb.clock import redis_time
from monitor.follow import Follower
from monitor.service_env import service_env
from monitor.session import Service

GOES_ON = "Containers go on moving: `selfieless rebalance --status` shows it, `--abort` ends it."


@click.command("rebalance")
@click.option("--abort", is_flag=True, help="Move no more; a container that is on its way arrives.")
@click.option("--status", "show", is_flag=True, help="Show the last one and how far it is; change nothing.")
@click.option("--detach", is_flag=True, help="Begin it and do not wait for its end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in each line, for scripts.")
def rebalance(*, abort: bool, show: bool, detach: bool, as_json: bool) -> None:
    """Spread the containers evenly over the nodes of a Docker Swarm, without losing a request.

    Swarm places new containers where there are fewest, and leaves those that run where they are: a node that has joined
    stays empty. This moves one container at a time from the fullest node to the emptiest, until none has two more than
    another: out of the ring, drained, ended, started there, healthy, into the ring. An extra container serves
    meanwhile, where a port is free. A node that takes no more (`docker node update --availability pause`) is emptied.

    Ctrl-C ends the watching; the moves go on (`--status`, `--abort`).

    \b
    Exit status: 0 it is even (--abort: no more are moved); 1 it is not, with the reason; 2 the command is wrong;
    130 Ctrl-C, and the moves go on.
    """
    if abort and show:
        raise click.UsageError("--abort and --status do not go together")
    screen = Screen(Service(), as_json=as_json)
    if show:
        screen.show()
    elif abort:
        screen.abort()
    else:
        screen.begin()
        if not detach:
            screen.follow()


class Screen:
    """One rebalancing as its operator sees it."""

    def __init__(self, service: Service, *, as_json: bool) -> None:
        self._service = service
        self._rebalances = Rebalances(service.redis, service.service)
        self._json = as_json
        self._follower = Follower(service, as_json=as_json)

    def begin(self) -> None:
        """Begin, where there are nodes to move containers between."""
        require_nodes()
        if Rollouts(self._service.redis, self._service.service).read().is_active:
            raise click.ClickException("a roll-out is under way: wait for it, or say `selfieless deploy --abort`")
        if self._rebalances.begin(by=getpass.getuser(), now=redis_time(self._service.redis)) is None:
            raise click.ClickException("containers are being moved already; `selfieless rebalance --status` shows it")

    def abort(self) -> None:
        """Let no more be moved."""
        if not self._rebalances.abort(by=getpass.getuser(), now=redis_time(self._service.redis)):
            raise click.ClickException("no containers are being moved; see `selfieless rebalance --status`")
        self.show()

    def show(self) -> None:
        """How far the last one is."""
        seen = self._rebalances.read()
        click.echo(json.dumps(facts(seen)) if self._json else sentence(seen))

    def follow(self) -> None:
        """Tell what happens until it is over; it is a failure unless it is even then."""
        self._follower.follow(self._progress, GOES_ON)
        seen = self._rebalances.read()
        if self._json:
            self.show()
        if seen.phase is not Phase.DONE:
            raise click.ClickException(sentence(seen))
        if not self._json:
            click.echo(sentence(seen))

    def _progress(self) -> str | None:
        seen = self._rebalances.read()
        return sentence(seen) if seen.is_active else None


def require_nodes() -> None:
    """Raises ClickException where there is but this machine, RuntimeTrouble if its engine does not answer."""
    runtime, _ = choose_runtime(DeploySettings.from_env(service_env()))
    try:
        if not runtime.nodes():
            told = f"all containers of the {runtime.name} runtime are on this machine: rebalance is for RUNTIME=swarm"
            raise click.ClickException(told)
    finally:
        runtime.close()


def sentence(seen: Rebalance) -> str:
    """The last rebalancing in a sentence."""
    match seen.phase:
        case Phase.NONE:
            return "No containers were moved between nodes since the start."
        case Phase.DONE:
            return f"The spread is even ({seen.spread}); {seen.moved} moved."
        case Phase.STOPPED | Phase.ABORTED:
            return f"The spread was not made even ({seen.reason}); {seen.moved} moved."
        case _:
            return f"{seen.progress}, begun by {seen.by}."


def facts(seen: Rebalance) -> dict[str, object]:
    """The last rebalancing, for scripts; the names of the fields are part of the interface."""
    known = ("phase", "moved", "port", "origin", "to", "spread", "reason", "by", "began", "since")
    return {name: value for name, value in asdict(seen).items() if name in known}
