"""`selfieless drill`: try what the service promises, on the running service, and see what it costs."""

import dataclasses
import getpass
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click
from rich.console import Console

from deploy.runtime.choose import choose_runtime
from deploy.settings import DeploySettings
from lb.secret_files import secret, with_password
from monitor.drill import CannotDrill, Fault, Report, Site, beyond_loopback, drill
from monitor.service_env import service_env
from monitor.session import Service

SECONDS = 5.0  # the acts application waits so long for its store


@click.command("drill")
@click.argument("fault", type=click.Choice([str(fault) for fault in Fault]))
@click.argument("port", type=int, required=False)
@click.option("--seconds", default=SECONDS, show_default=True, help="How long slow, redis and store last.")
@click.option("--yes", is_flag=True, help="Also on a service that other machines have to do with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def run_drill(*, fault: str, port: int | None, seconds: float, yes: bool, as_json: bool) -> None:
    """Bring a fault about on the running service, and tell what it cost.

    Sends 20 requests a second of its own while the fault lasts, and counts those that are lost. PORT is a container's,
    the last one's if not given. Whatever was stopped goes on afterwards, also after Ctrl-C.

    \b
      crash  the container answers 500 to everything        another one must serve on its port,
      kill   it is killed                                   and nothing may be lost
      hang   it stands still and keeps its port
      slow   it stands still four tenths of each half       it must stay, nothing may be lost
             second (RUNTIME=process)
      redis  the state Redis stands still                   nothing may be lost, nothing relaunched
      store  the acts store stands still                    people wait, and are answered; after
                                                            4 s they are told to come again

    \b
    Exit status: 0 passed; 1 failed, or could not be done, with the reason; 2 the command or a variable is wrong.
    """
    site = open_site()
    if (far := beyond_loopback(site)) and not yes:
        raise click.ClickException(
            f"this service is not this machine's alone ({'; '.join(far[:3])}): say --yes to do it"
        )
    try:
        with told_by_term(), progress(as_json) as tell:
            report = drill(site, Fault(fault), port, getpass.getuser(), seconds=seconds, tell=tell)
    except CannotDrill as error:
        raise click.ClickException(str(error)) from error
    finally:
        site.runtime.close()
    click.echo(json.dumps(dataclasses.asdict(report)) if as_json else as_text(report))
    if not report.passed:
        raise SystemExit(1)


def open_site() -> Site:
    """The running service. Raises environs.EnvError."""
    env, service = service_env(), Service()
    runtime, _ = choose_runtime(DeploySettings.from_env(env))
    return Site(
        client=service.redis,
        service=service.service,
        runtime=runtime,
        lb_port=env.int("LB_PORT", 80),
        store_url=with_password(env.str("ACTS_REDIS_URL", ""), secret(env, "ACTS_REDIS_PASSWORD")),
        crash_token=secret(env, "CRASH_TOKEN"),
    )


@contextmanager
def told_by_term() -> Iterator[None]:
    """TERM ends a drill as Ctrl-C does, so that what was stopped is resumed."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """How it goes, on a line that changes; nothing where nobody looks."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Drill …") as status:
        yield status.update


def as_text(report: Report) -> str:
    """The report for a person."""
    where = f" of {report.port}" if report.port else ""
    lines = [
        f"{report.fault}{where}: {'passed' if report.passed else 'FAILED'}, {report.reason}.",
        f"  requests sent    {report.sent}",
        f"  lost             {report.lost}",
        *[f"  told to retry    {report.put_off} (503 with Retry-After)"] * bool(report.put_off),
        f"  longest gap      {report.longest_gap:.2f} s",
    ]
    if report.left is not None:
        lines.append(f"  out of the ring  after {report.left:.2f} s")
    if report.recovered:
        lines.append(f"  recovered        after {report.recovered:.2f} s")
    return "\n".join(lines)
