"""What stands in the way of a start is said in one sentence that names the variable."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import free_port

from deploy.machine import preflight


def test_a_free_port_is_taken_as_asked() -> None:
    port = free_port()
    assert preflight.public_port(port) == port


def test_a_taken_port_names_the_variable_and_who_holds_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(preflight.NotReady, match=rf"LB_PORT={port}: the port is taken by .*pid {os.getpid()}"):
            preflight.public_port(port)


def test_a_taken_container_port_names_first_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(preflight.NotReady, match=f"FIRST_PORT: port {port} is taken"):
            preflight.container_ports([port])


def test_a_public_port_among_those_of_the_containers_is_refused() -> None:
    with pytest.raises(preflight.NotReady, match=r"LB_PORT=8003: the containers have the ports 8000 to 8009"):
        preflight.separate(8003, range(8000, 8010))
    preflight.separate(8010, range(8000, 8010))


def test_the_dashboard_gets_the_first_free_port_unless_it_is_told_which() -> None:
    first = preflight.admin_port(None, [])
    assert first in preflight.ADMIN_PORTS
    with socket.create_server(("127.0.0.1", first)):
        assert preflight.admin_port(None, []) != first
        with pytest.raises(preflight.NotReady, match=rf"ADMIN_PORT={first}: the port is taken by .*pid {os.getpid()}"):
            preflight.admin_port(first, [])
    assert preflight.admin_port(0, []) == 0


def test_the_dashboard_takes_no_port_of_the_site_or_of_a_container() -> None:
    assert preflight.admin_port(None, preflight.ADMIN_PORTS) == 0
    with pytest.raises(preflight.NotReady, match="ADMIN_PORT=8003: the site or a container"):
        preflight.admin_port(8003, range(8000, 8010))


def test_ports_that_do_not_exist_are_refused() -> None:
    with pytest.raises(preflight.NotReady, match=r"FIRST_PORT=65530: with MAX_CONTAINERS=10 .* 65539"):
        preflight.separate(80, range(65530, 65540))


def test_ports_nobody_uses_are_fine() -> None:
    preflight.container_ports([free_port()])


def test_a_second_service_from_the_same_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with preflight.lock(tmp_path), pytest.raises(preflight.NotReady, match=rf"STATE_DIR=.*pid {os.getpid()}"):
        preflight.lock(tmp_path)


def test_the_folder_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    preflight.lock(tmp_path).close()
    preflight.lock(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(preflight.NotReady, match=r"STATE_DIR=.*cannot be written"):
        preflight.lock(tmp_path / "file" / "below")


def stand_in_for_a_supervisor(folder: Path, seconds: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(["sh", "-c", f"sleep {seconds}; : {folder}/supervisord.conf"])
    (folder / "supervisor.pid").write_text(str(process.pid))
    return process


def test_the_supervisor_of_a_killed_start_is_waited_for(tmp_path: Path) -> None:
    with stand_in_for_a_supervisor(tmp_path, "0.3") as process:
        preflight.predecessor_gone(tmp_path, seconds=20)
        assert process.wait(0.5) == 0


def test_one_that_does_not_end_is_said_with_its_pid(tmp_path: Path) -> None:
    with stand_in_for_a_supervisor(tmp_path, "60") as process:
        with pytest.raises(preflight.NotReady, match=rf"STATE_DIR=.*pid {process.pid}"):
            preflight.predecessor_gone(tmp_path, seconds=0.1)
        process.kill()


@pytest.mark.parametrize("said", ["", "no number", pytest.param(str(os.getpid()), id="our own"), "4194303"])
def test_a_pid_that_is_nobodys_or_somebody_elses_is_not_waited_for(tmp_path: Path, said: str) -> None:
    (tmp_path / "supervisor.pid").write_text(said)
    preflight.predecessor_gone(tmp_path, seconds=0.1)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_where_port_80_may_not_be_bound_8080_is_taken_unless_80_was_asked_for() -> None:
    code = """if True:
        from deploy.machine import preflight
        preflight.FALLBACK_PORT = int(__import__("sys").argv[1])
        print(preflight.public_port(None))
        try:
            preflight.public_port(80)
        except preflight.NotReady as error:
            print(error)
    """
    fallback = free_port()
    unprivileged = ["setpriv", "--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service"]
    done = subprocess.run(
        [*unprivileged, sys.executable, "-c", code, str(fallback)], capture_output=True, text=True, check=True
    )
    port, sentence = done.stdout.splitlines()
    assert port == str(fallback)
    assert sentence.startswith("LB_PORT=80: this account may not bind ports below 1024.")
