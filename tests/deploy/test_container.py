from deploy.container import Container, container_of, text_of
from deploy.container_state import State


def test_a_container_reads_back_what_was_written():
    container = Container(
        8000, 1, State.SICK, 5, moves=3, runtime_id="9:1", since=12.5, next_try_at=13.0, attempts=2, reason="500"
    )
    assert container_of({name: text_of(value) for name, value in vars(container).items()}) == container


def test_fields_of_a_newer_version_are_left_out():
    row = {"port": "8000", "number": "1", "state": "running", "generation": "1", "status": "True", "mood": "good"}
    assert container_of(row) == Container(8000, 1, State.RUNNING, 1)


def test_only_running_has_status_true():
    assert [Container(8000, 1, state, 1).status for state in (State.RUNNING, State.DRAINING)] == [True, False]
