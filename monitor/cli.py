"""`selfieless`: what an operator types. This file puts the parts together, so it alone may import all of them.

Exit codes: 0 it is done, 1 it is not, with one sentence why, 2 the command or a variable is wrong.
"""

import getpass
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial

import click
import environs
import redis
from rich.console import RenderableType
from rich.live import Live

from acts_app import commands as acts_commands
from acts_app.settings import ActsSettings
from autoscaler import override
from autoscaler.settings import AutoscalerSettings
from deploy.machine import doctor
from deploy.machine import up as machine_up
from deploy.machine.settings import UpSettings
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings
from lb import events
from lb.events import Event
from lb.settings import LbSettings
from monitor import doctor_view, event_view, status_view
from monitor.completion_command import write_completion
from monitor.container_commands import drain_container, launch_container, relaunch_container, stop_container
from monitor.deploy_commands import deploy
from monitor.drill_commands import run_drill
from monitor.edge import Commands, redis_sentence
from monitor.load_commands import measure, show_load
from monitor.service_env import service_env
from monitor.session import Service, console
from monitor.settings import MonitorSettings
from monitor.whatif_commands import export_decisions, replay_decisions, simulate_load
from monitor.why_commands import audit_turns, explain

REFRESH_SECONDS = 0.5
FOLLOW_SECONDS = 0.25


SECTIONS = {
    "Run it": ("up", "deploy", "doctor"),
    "Look at it": ("status", "top", "events", "why", "audit"),
    "Change it": ("scale", "launch", "stop", "drain", "relaunch"),
    "Try it": ("bench", "drill", "simulate", "replay", "export"),
    "Keep its data": ("backup", "restore"),
}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="selfieless", prog_name="selfieless")
@click.pass_context
def cli(context: click.Context) -> None:
    """Run and look after SelfieLessActs: a site behind an exact load balancer that scales and heals itself."""
    # These read the environment themselves; the running service's file completes it.
    if context.invoked_subcommand in OF_THE_SITE and (store := service_env().str("ACTS_REDIS_URL", "")):
        context.default_map = {name: {"store": store} for name in OF_THE_SITE}


OF_THE_SITE = {"backup": acts_commands.backup, "restore": acts_commands.restore}
EXPLAIN = {"why": explain, "audit": audit_turns}
WHAT_IF = {"export": export_decisions, "replay": replay_decisions, "simulate": simulate_load}
ONE_BY_ONE = {
    "launch": launch_container,
    "stop": stop_container,
    "drain": drain_container,
    "relaunch": relaunch_container,
    "deploy": deploy,
}
LOAD = {"top": show_load, "bench": measure}
FURTHER = {"drill": run_drill, "completion": write_completion}
for name, command in (OF_THE_SITE | WHAT_IF | ONE_BY_ONE | EXPLAIN | LOAD | FURTHER).items():
    cli.add_command(command, name)


@cli.command()
def up() -> None:
    """Run the whole service here until Ctrl-C.

    Starts Redis (unless REDIS_URL and ACTS_REDIS_URL name running servers), the proxy, the deploy worker, the monitor,
    the autoscaler and the first container, and keeps all of them alive. Ctrl-C or TERM lets the proxy finish what it
    has accepted and stops everything within ten seconds; the data stays. A second Ctrl-C does not wait.

    \b
    Variables that people change first (docs/reference.md has all):
      LB_PORT          the public port: 80, or 8080 where 80 may not be bound
      MAX_CONTAINERS   at most so many containers: 10
      ACTS_AUTH        off opens the REST protocol to everybody
      STATE_DIR        logs, sockets and the acts on disk: var/ in the checkout

    \b
    Exit status: 0 stopped as told, 1 it could not start or keep running, 2 a variable is wrong.
    """
    sys.exit(machine_up.main(read_all_settings))


def read_all_settings() -> None:
    """Read what every part will read, so that a wrong variable is found before anything is started."""
    for settings in (LbSettings, DeploySettings, AutoscalerSettings, MonitorSettings, ActsSettings):
        settings.from_env()


@cli.command()
@click.option("-w", "--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def status(watch: bool, as_json: bool) -> None:
    """Show containers, requests and parts at a glance."""
    service = Service()
    if as_json:
        click.echo(json.dumps(status_view.as_json(service.snapshot())))
    elif watch:
        watch_status(service)
    else:
        console().print(status_view.as_text(service.snapshot()))


def watch_status(service: Service) -> None:
    """Show the status until Ctrl-C: on the whole screen of a terminal, elsewhere one after the other."""
    screen = console()
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        show: Callable[[RenderableType], None] = screen.print
        if screen.is_terminal:
            live = stack.enter_context(Live(console=screen, screen=True, auto_refresh=False))
            show = partial(live.update, refresh=True)
        while True:
            show(status_or_trouble(service))
            time.sleep(REFRESH_SECONDS)


def status_or_trouble(service: Service) -> RenderableType:
    """The status; while Redis does not answer, that: a watch goes on."""
    try:
        return status_view.as_text(service.snapshot())
    except redis.RedisError as error:
        return redis_sentence(error)


@cli.command("events")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("-n", "--last", default=20, show_default=True, help="How many to begin with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in each line, for scripts.")
def show_events(follow: bool, last: int, as_json: bool) -> None:
    """Show what happened, to which container, and why.

    Kinds: launched, healthy, sick, relaunched, drained, stopped, scaled, failed, held, degraded, recovered, adopted,
    ordered, rollout, drill, standby.
    """
    service, screen = Service(), console()
    with suppress(KeyboardInterrupt):
        for event in chosen_events(service, last, follow):
            if as_json:
                click.echo(json.dumps(event_view.as_json(event)))
            else:
                screen.print(event_view.as_text(event), soft_wrap=True)


def chosen_events(service: Service, last: int, follow: bool) -> Iterator[Event]:
    """The last events, and with `follow` those to come, without end."""
    seen = "0"
    for event in events.last(service.redis, service.service.name, last) if last > 0 else []:
        seen = event.id
        yield event
    while follow:
        for event in events.read(service.redis, service.service.name, seen):
            seen = event.id
            yield event
        time.sleep(FOLLOW_SECONDS)


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


@cli.command()
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


@cli.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON list, for scripts.")
def examine(as_json: bool) -> None:
    """Say what this machine has and lacks, and the fix.

    Looks at what ./deploy/up would need here, and changes nothing. Fails if something required is missing.
    """
    env = environs.Env()  # what up would see: the environment alone, not the file of a service that runs
    host = env.str("DOCKER_HOST", doctor.DOCKER_SOCKET)
    findings = doctor.examine(UpSettings.from_env(env), host, DockerSettings.from_env(env))
    if as_json:
        click.echo(json.dumps(doctor_view.as_json(findings)))
    else:
        console().print(doctor_view.as_text(findings))
    if not doctor.is_healthy(findings):
        raise click.ClickException("something that the service needs is missing; see the lines that say NO")


cli.sections = {title: [name for name in names if name in cli.commands] for title, names in SECTIONS.items()}


def main() -> None:
    """The command itself, as it is installed."""
    cli(prog_name="selfieless")


if __name__ == "__main__":
    main()
