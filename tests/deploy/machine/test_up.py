"""What `up` shows and leaves for others; the whole of it is tried in tests/e2e/test_up.py."""

import io
import stat
from pathlib import Path

import pytest
from rich.console import Console

from deploy.machine.up import teller, write_service_file

PIP = "Collecting uvicorn[standard]; see [/usr/share/doc]"


@pytest.mark.parametrize("terminal", [False, True])
def test_brackets_in_what_an_engine_says_are_shown_as_they_stand(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    with console.status("Looking …") as status:
        teller(console, status)(PIP)
        if terminal:
            console.print(status.renderable)
    assert PIP in console.file.getvalue()


def test_the_service_file_is_read_by_its_owner_alone_and_holds_no_secret(tmp_path: Path) -> None:
    write_service_file(tmp_path, {"LB_PORT": "8080", "CRASH_TOKEN": "hidden", "PATH": "/bin"})
    file = tmp_path / "run" / "service.env"
    assert file.read_text() == "LB_PORT=8080\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
