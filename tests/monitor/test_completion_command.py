"""Completion scripts, tried in the shell that every machine has."""

import subprocess

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from monitor.cli import cli
from monitor.completion_command import PROGRAM, VARIABLE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script_that_asks_us(shell):
    answer = CliRunner().invoke(cli, ["completion", shell])
    assert answer.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in answer.output


def test_bash_takes_the_script_as_it_is():
    script = CliRunner().invoke(cli, ["completion", "bash"]).output
    subprocess.run(["bash", "-c", f"{script}\ncomplete -p {PROGRAM}"], check=True, timeout=20)


def test_commands_and_options_are_completed():
    completer = BashComplete(cli, {}, PROGRAM, VARIABLE)
    assert [item.value for item in completer.get_completions([], "rel")] == ["relaunch"]
    assert "--request" in [item.value for item in completer.get_completions(["why"], "--")]
