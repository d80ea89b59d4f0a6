"""The service whose promises are tried."""

from collections.abc import Iterator

import pytest
from trial import Trial, trial


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A service of its own for each file."""
    with trial(tmp_path_factory.mktemp("trial")) as running:
        yield running
