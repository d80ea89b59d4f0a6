"""`deploy`: rolls an image out over all containers, goes back to the one before, shows how far it is.

The deploy worker drives the roll-out; this command prepares the image, begins, and watches. So Ctrl-C ends the watching
and nothing else.
"""

import getpass
import json
from dataclasses import asdict

import click

from deploy.container import Container
from deploy.container_table import ContainerTable
from deploy.rebalancer import Rebalances
from deploy.roller import Rollouts
from deploy.rollout import Phase, Rollout
from deploy.runtime.choose import choose_runtime
from deploy.settings import DeploySettings
from lb.clock import redis_time
from monitor.follow import Follower
from monitor.service_env import service_env
from monitor.session import Service


@click.command("deploy")
@click.argument("image", default="", metavar="[IMAGE]")
@click.option("--rollback", is_flag=True, help="Go back to the image before this one, the same way.")
@click.option("--abort", is_flag=True, help="Undo the roll-out that is under way.")
@click.option("--status", "show", is_flag=True, help="Show the last roll-out and how far it is; change nothing.")
@click.option("--detach", is_flag=True, help="Begin it and do not wait for its end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in each line, for scripts.")
def deploy(  # noqa: PLR0913 - its options
    image: str, *, rollback: bool, abort: bool, show: bool, detach: bool, as_json: bool
) -> None:
    """Roll a new version out over all containers, without losing a request.

    Without IMAGE: what is on disk now (under docker our own image is built first). IMAGE is an image under docker, and
    a command line under the process runtime.

    One more container of the new version is started first. When it is healthy, and still is five seconds later, the
    others are replaced one after the other: out of the ring, drained, ended, started anew, healthy, into the ring. If
    a container of the new version does not start, does not become healthy or falls sick at once, everything goes back
    to the version before. Meanwhile the autoscaler goes on: containers that it launches are of the old version until
    the new one has shown that it works, and a relaunch keeps the version of its port.

    Ctrl-C ends the watching; the roll-out goes on (`--status`, `--abort`).

    \b
    Exit status: 0 all containers are of the new version; 1 they are not, with the reason; 2 the command is wrong;
    130 Ctrl-C, and the roll-out goes on. --abort: 0 when all are of the version before again.
    """
    if sum((bool(image), rollback, abort, show)) > 1:
        raise click.UsageError("IMAGE, --rollback, --abort and --status do not go together")
    screen = Watch(Service(), as_json=as_json)
    if show:
        screen.show()
    elif abort:
        screen.abort()
    else:
        screen.begin(screen.image_before() if rollback else image)
    if not detach and not show:
        screen.follow(Phase.ABORTED if abort else Phase.DONE)


class Watch:
    """One roll-out as its operator sees it."""

    def __init__(self, service: Service, *, as_json: bool) -> None:
        self._service = service
        self._name = service.service.name
        self._rollouts = Rollouts(service.redis, service.service)
        self._table = ContainerTable(service.redis, service.service)
        self._json = as_json
        self._follower = Follower(service, as_json=as_json)

    def image_before(self) -> str:
        """What `--rollback` goes back to."""
        if not (previous := self._rollouts.read().previous):
            raise click.ClickException("there is no version before this one: nothing else was deployed since the start")
        return previous

    def begin(self, image: str) -> None:
        """Prepare the image and begin."""
        if self._rollouts.read().is_active:
            raise under_way()
        if Rebalances(self._service.redis, self._service.service).read().is_active:
            raise click.ClickException("containers are being moved: wait for it, or say `selfieless rebalance --abort`")
        target = self._prepared(image)
        if self._rollouts.begin(target, by=getpass.getuser(), now=redis_time(self._service.redis)) is None:
            raise under_way()

    def abort(self) -> None:
        """Begin to undo the one under way."""
        if not self._rollouts.abort(by=getpass.getuser(), now=redis_time(self._service.redis)):
            raise click.ClickException("there is no roll-out to abort; see `selfieless deploy --status`")

    def show(self) -> None:
        """How far the last one is."""
        rollout = self._rollouts.read()
        if self._json:
            click.echo(json.dumps(facts(rollout, self._table.all())))
        else:
            click.echo(sentence(rollout, self._table.all()))

    def follow(self, wish: Phase) -> None:
        """Tell what happens until it is over; it is a failure if it does not end as it should."""
        self._follower.follow(
            self._progress, "The roll-out goes on: `selfieless deploy --status` shows it, `--abort` undoes it."
        )
        rollout = self._rollouts.read()
        if self._json:
            self.show()
        if rollout.phase is not wish:
            raise click.ClickException(sentence(rollout, self._table.all()))
        if not self._json:
            click.echo(sentence(rollout, self._table.all()))

    def _progress(self) -> str | None:
        rollout = self._rollouts.read()
        return progress(rollout, self._table.all()) if rollout.is_active else None

    def _prepared(self, image: str) -> str:
        settings = DeploySettings.from_env(service_env())
        runtime, _ = choose_runtime(settings)
        try:
            return runtime.prepare(image, self._follower.tell)
        finally:
            runtime.close()


def under_way() -> click.ClickException:
    """Only one at a time."""
    return click.ClickException("a roll-out is under way: `selfieless deploy --status` shows it, `--abort` undoes it")


def rolled(rollout: Rollout, containers: list[Container]) -> int:
    """How many containers in the ring are of the image that all shall have."""
    return sum(one.status and one.image == rollout.goal and not one.surge for one in containers)


def progress(rollout: Rollout, containers: list[Container]) -> str:
    """How far it is, in words."""
    there = [one for one in containers if not one.surge]
    verb = "going back to" if rollout.phase is Phase.UNDOING else "rolling out"
    return f"{verb} {rollout.goal}: {rolled(rollout, there)} of {len(there)}"


def sentence(rollout: Rollout, containers: list[Container]) -> str:
    """The last roll-out in a sentence."""
    match rollout.phase:
        case Phase.NONE:
            return "Nothing was deployed since the start: containers are of what is configured."
        case Phase.DONE:
            return f"All containers are of {rollout.image}."
        case Phase.FAILED | Phase.ABORTED:
            return f"{rollout.target} was not rolled out ({rollout.reason}); containers are of {rollout.image}"
        case _:
            return f"{progress(rollout, containers)}, begun by {rollout.by}."


def facts(rollout: Rollout, containers: list[Container]) -> dict[str, object]:
    """The last roll-out, for scripts; the names of the fields are part of the interface."""
    known = {name: value for name, value in asdict(rollout).items() if name not in ("mark", "moves", "outcome")}
    there = [one for one in containers if not one.surge]
    return known | {"rolled": rolled(rollout, there), "containers": {str(one.port): one.image for one in there}}
