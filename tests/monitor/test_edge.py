"""Errors become one sentence and an exit code."""

import click
import environs
import pytest
import redis
from click.testing import CliRunner

from deploy.runtime.base import ImageMissing, KillFailed, RuntimeAway, RuntimeRefused
from monitor.edge import Commands

raised: list[Exception] = []


@click.command()
def look():
    """See what is."""
    click.echo("It is.")


@click.command()
def fail():
    """Fail as told."""
    raise raised.pop()


group = Commands(name="group", sections={"Eyes": {"look": f"{__name__}:look"}, "Feet": {"fail": f"{__name__}:fail"}})


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (environs.EnvError("X is wrong"), 2, "X is wrong"),
        (redis.ConnectionError("refused."), 1, "cannot be used (refused). Start the service"),
        (redis.ResponseError("OOM"), 1, "REDIS_URL"),
        (RuntimeAway("the Docker engine does not answer"), 1, "does not answer. Start it, and see"),
        (RuntimeRefused("the Docker engine says: the disk is full."), 1, "the disk is full. `selfieless doctor` says"),
        (KillFailed("process 7 is still there 2 s after KILL"), 1, "still there 2 s after KILL. Something"),
        (ImageMissing("there is no image x"), 1, "Error: there is no image x.\n"),
        (click.ClickException("a sentence"), 1, "a sentence"),
        (click.UsageError("a sentence"), 2, "a sentence"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(monkeypatch, tmp_path, error, code, words):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)

    raised.append(error)
    answer = CliRunner().invoke(group, ["fail"])
    assert answer.exit_code == code
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_commands_are_listed_by_what_they_are_for():
    listed = CliRunner().invoke(group, ["--help"]).output
    assert [line for line in listed.splitlines() if line.endswith(":")][-2:] == ["Eyes:", "Feet:"]
    assert listed.index("  look") < listed.index("  fail")
    assert "See what is." in listed


def test_what_is_not_typed_is_not_loaded():
    lazy = Commands(sections={"Eyes": {"look": f"{__name__}:look", "gone": "no.such.module:gone"}})
    assert CliRunner().invoke(lazy, ["look"]).output == "It is.\n"
    with pytest.raises(ModuleNotFoundError):
        lazy.get_command(click.Context(lazy), "gone")


def test_a_command_that_there_is_not_is_a_wrong_command():
    assert CliRunner().invoke(group, ["walk"]).exit_code == 2
