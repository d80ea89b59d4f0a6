"""`selfieless`: what an operator types. This file names every command and where it is; what is not typed is not loaded.

Exit codes: 0 it is done, 1 it is not, with one sentence why, 2 the command or a variable is wrong.
"""

import click

from monitor.edge import Commands
from monitor.service_env import service_env

SECTIONS = {
    "Run it": {
        "up": "monitor.machine_commands:up",
        "deploy": "monitor.deploy_commands:deploy",
        "doctor": "monitor.machine_commands:examine",
    },
    "Look at it": {
        "status": "monitor.status_commands:status",
        "top": "monitor.load_commands:show_load",
        "events": "monitor.status_commands:show_events",
        "why": "monitor.why_commands:explain",
        "audit": "monitor.why_commands:audit_turns",
    },
    "Change it": {
        "scale": "monitor.container_commands:scale",
        "launch": "monitor.container_commands:launch_container",
        "stop": "monitor.container_commands:stop_container",
        "drain": "monitor.container_commands:drain_container",
        "relaunch": "monitor.container_commands:relaunch_container",
        "rebalance": "monitor.rebalance_command:rebalance",
    },
    "Try it": {
        "bench": "monitor.load_commands:measure",
        "drill": "monitor.drill_commands:run_drill",
        "simulate": "monitor.whatif_commands:simulate_load",
        "replay": "monitor.whatif_commands:replay_decisions",
        "export": "monitor.whatif_commands:export_decisions",
    },
    "Keep its data": {
        "backup": "acts_app.commands:backup",
        "restore": "acts_app.commands:restore",
    },
    "Others": {
        "completion": "monitor.completion_command:write_completion",
    },
}
# They read the environment themselves; the running service's file completes it.
OF_THE_SITE = SECTIONS["Keep its data"]


@click.group(
    cls=Commands,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="selfieless", prog_name="selfieless")
@click.pass_context
def cli(context: click.Context) -> None:
    """Run and look after SelfieLessActs: a site behind an exact load balancer that scales and heals itself."""
    if context.invoked_subcommand in OF_THE_SITE and (store := service_env().str("ACTS_REDIS_URL", "")):
        context.default_map = {name: {"store": store} for name in OF_THE_SITE}


def main() -> None:
    """The command itself, as it is installed."""
    cli(prog_name="selfieless")


if __name__ == "__main__":
    main()
