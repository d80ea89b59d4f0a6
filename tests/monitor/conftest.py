"""Servers for the monitor to look at."""

from contextlib import ExitStack

import pytest
from sick_servers import Server, served


@pytest.fixture
def serve():
    """Starts servers on free ports; `serve(answer)` gives the server."""
    with ExitStack() as stack:
        yield lambda answer, port=0: stack.enter_context(served(Server(answer, port)))
