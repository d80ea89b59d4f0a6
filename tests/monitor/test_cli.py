"""`selfieless`: what is named, what is wrong, and what there is to read without a running service."""

import pytest
from helpers import free_port

from monitor.cli import SECTIONS


def test_help_names_every_command_and_what_it_is_for(run):
    answer = run("--help")
    assert answer.exit_code == 0
    for name in (name for commands in SECTIONS.values() for name in commands):
        assert f"  {name} " in answer.output
        assert run(name, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["scale", "0"], "1 to 10 containers (MAX_CONTAINERS), not 0"),
        (["scale", "11"], "1 to 10 containers (MAX_CONTAINERS), not 11"),
        (["scale", "many"], "'many' is neither a number nor auto"),
        (["scale"], "Missing argument 'N|auto'"),
        (["relaunch", "http"], "'http' is not a valid integer"),
        (["events", "-n", "x"], "'x' is not a valid integer"),
        (["stat"], "No such command 'stat'"),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong_with_it(run, redis_client, words, complaint):
    answer = run(*words)
    assert answer.exit_code == 2
    assert complaint in answer.output


@pytest.mark.parametrize("words", [["status"], ["events"], ["why"], ["scale", "2"], ["relaunch", "8000"]])
def test_without_a_running_service_one_sentence_names_the_variable_and_the_fix(run, monkeypatch, words):
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{free_port()}/0")
    answer = run(*words)
    assert answer.exit_code == 1
    assert answer.output.count("\n") == 1
    assert "REDIS_URL=redis://***@127.0.0.1" in answer.output
    assert "./deploy/up" in answer.output
    assert "secret" not in answer.output


@pytest.mark.parametrize(("name", "value"), [("REDIS_URL", "http://x"), ("MAX_CONTAINERS", "many")])
def test_a_wrong_variable_is_named(run, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    answer = run("status")
    assert answer.exit_code == 2
    assert name in answer.output


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_where_no_service_has_run_backup_and_restore_ask_for_the_store(run, tmp_path, monkeypatch, command):
    monkeypatch.delenv("ACTS_REDIS_URL", raising=False)
    answer = run(command, str(tmp_path / "acts.gz"))
    assert answer.exit_code == 2
    assert "--store" in answer.output
