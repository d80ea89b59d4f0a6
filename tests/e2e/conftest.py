"""One running service for the whole folder, with windows short enough to live through a quiet time."""

from collections.abc import Iterator

import pytest
from running_service import RunningService, running_service


@pytest.fixture(scope="session")
def service() -> Iterator[RunningService]:
    """`deploy/up` on ports of its own; two proxy workers, a window of 6 s."""
    with running_service(LB_WORKERS="2", WINDOW_SECONDS="6", STABILIZATION_SECONDS="4") as running:
        yield running
