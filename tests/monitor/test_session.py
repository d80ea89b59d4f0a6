"""What the commands share."""

import click
import pytest

from monitor.session import LENGTH, MOMENT, Service, console


def test_a_service_is_found_through_the_environment(monkeypatch, redis_server, tmp_path, ward):
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    ward.start(8000)
    assert [row.container.port for row in Service().snapshot().rows] == [8000]


def test_where_there_is_no_terminal_nothing_is_folded_or_coloured(capsys):
    console().print("[red]" + "x" * 150)
    assert capsys.readouterr().out == "x" * 150 + "\n"


def test_parameters_are_understood_or_refused_with_our_own_sentence():
    assert LENGTH.convert("2m", None, None) == 120
    with pytest.raises(click.BadParameter, match="'soon' is no time"):
        MOMENT.convert("soon", None, None)
