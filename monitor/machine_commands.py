"""`up` and `doctor`: the whole service on this machine. This file reads every part's settings, so it may import all."""

import json
import sys

import click
import environs

from acts_app.settings import ActsSettings
from autoscaler.settings import AutoscalerSettings
from deploy.machine import doctor
from deploy.machine import up as machine_up
from deploy.machine.settings import UpSettings
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings
from lb.settings import LbSettings
from monitor import doctor_view
from monitor.session import console
from monitor.settings import MonitorSettings


@click.command()
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


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON list, for scripts.")
def examine(as_json: bool) -> None:
    """Say what this machine has and lacks, and the fix.

    Looks at what ./deploy/up would need here, and changes nothing. Fails if something required is missing.
    """
    env = environs.Env()  # what up would see: the environment alone, not the file of a service that runs
    host = env.str("DOCKER_HOST", doctor.DOCKER_SOCKET)
    in_swarm = env.str("RUNTIME", "") == "swarm"
    findings = doctor.examine(UpSettings.from_env(env), host, DockerSettings.from_env(env), in_swarm)
    if as_json:
        click.echo(json.dumps(doctor_view.as_json(findings)))
    else:
        console().print(doctor_view.as_text(findings))
    if not doctor.is_healthy(findings):
        raise click.ClickException("something that the service needs is missing; see the lines that say NO")
