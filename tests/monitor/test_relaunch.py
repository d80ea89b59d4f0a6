"""Only the container that was judged is relaunched."""

import pytest

from deploy.container_state import State
from monitor.relaunch import relaunch


def test_a_container_that_is_still_the_same_is_relaunched_once(ward):
    ward.start(8000)
    judged = ward.table.get(8000)
    assert [relaunch(ward.table, ward.orders, judged, "a reason") for _ in range(2)] == [True, False]
    assert (ward.table.get(8000).state, ward.table.get(8000).reason) == (State.SICK, "a reason")


@pytest.mark.parametrize("since", ["relaunched", "drained and taken back", "gone"])
def test_one_that_has_moved_on_is_left_alone(ward, since):
    ward.start(8000)
    judged = ward.table.get(8000)
    if since == "relaunched":
        ward.move(8000, State.SICK)
        ward.relaunched(8000)
    else:
        ward.move(8000, State.DRAINING)
        ward.move(8000, State.RUNNING if since == "drained and taken back" else State.STOPPING)
    if since == "gone":
        assert ward.table.remove(ward.table.get(8000), now=ward.now, reason="test", by="test")
    assert not relaunch(ward.table, ward.orders, judged, "a reason")
    assert ward.jobs == []
