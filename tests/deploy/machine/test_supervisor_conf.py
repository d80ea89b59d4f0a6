"""The supervisor's configuration says what the values say, also for awkward paths."""

from configparser import RawConfigParser
from pathlib import Path

from deploy.machine.supervisor_conf import Program, render


def parsed(*programs: Program, folder: Path = Path("/srv/app")) -> RawConfigParser:
    text = render(list(programs), control_socket=Path("/run/s.sock"), logs=Path("/var/log/x"), folder=folder)
    parser = RawConfigParser()
    parser.read_string(text)
    return parser


def test_each_program_is_restarted_bounded_in_its_log_and_started_only_when_told() -> None:
    section = parsed(Program("lb", ("python", "-m", "gunicorn"), 30, 6))["program:lb"]
    assert section["command"] == "python -m gunicorn"
    assert section["autorestart"] == "true"
    assert section["autostart"] == "false"
    assert section["stopwaitsecs"] == "6"
    assert section["priority"] == "30"
    assert section["stdout_logfile"] == "/var/log/x/lb.log"
    assert section["stdout_logfile_maxbytes"] == "10MB"


def test_an_argument_with_spaces_stays_one_argument() -> None:
    assert parsed(Program("a", ("echo", "two words"), 1, 1))["program:a"]["command"] == "echo 'two words'"


def test_an_empty_argument_survives() -> None:
    assert (
        parsed(Program("a", ("redis-server", "--save", ""), 1, 1))["program:a"]["command"] == "redis-server --save ''"
    )


def test_a_percent_sign_in_a_path_is_not_taken_for_a_variable() -> None:
    assert parsed(Program("a", ("x",), 1, 1), folder=Path("/srv/100%"))["program:a"]["directory"] == "/srv/100%%"
