import pytest

from deploy.runtime.base import Found, KillFailed, PortBusy, StartFailed


def test_a_busy_port_is_a_start_that_failed():
    with pytest.raises(StartFailed, match="port 8000"):
        raise PortBusy("port 8000 is taken by nginx (pid 7)")


def test_a_kill_that_failed_is_no_start_that_failed():
    assert not issubclass(KillFailed, StartFailed)


def test_found_ones_are_values():
    one = Found("7:9", 8000, "127.0.0.1:8000", alive=True, generation=3)
    assert one == Found("7:9", 8000, "127.0.0.1:8000", True, 3, pid=None, image="")
