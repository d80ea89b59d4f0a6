"""One bench for every runtime: what the contract suite needs beside the protocol itself."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

import pytest
from docker import APIClient
from docker_images import build
from helpers import eventually, free_port
from own_swarm import Swarm, own_swarm

from deploy.health import HealthProbe
from deploy.runtime.base import Found, Runtime
from deploy.runtime.docker_engine import DockerEngine, connect
from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from deploy.runtime.local_process import LocalProcesses
from deploy.runtime.swarm_engine import SwarmEngine
from deploy.settings import DeploySettings
from lb.settings import ServiceSettings

SERVICE = Path(__file__).parent / "service.py"


class Bench(Protocol):
    """A machine with a runtime on it."""

    runtime: Runtime
    gone: str  # the exact name of an image that is not there any more

    def another(self) -> Runtime:
        """The runtime as another process of the same machine sees it."""

    def port(self) -> int:
        """A port that nobody uses."""

    def stranger(self, port: int) -> "Iterator[None]":
        """Somebody who is not ours listens on the port meanwhile."""

    def will(self, port: int, behaviour: str) -> None:
        """What starts on the port from now on: well, hangs, exits or silent."""

    def freeze(self, found: Found) -> None:
        """The container stops making progress, as with SIGSTOP."""

    def answers(self, found: Found) -> bool:
        """Whether the container answers 200."""

    def broken(self) -> Runtime:
        """The runtime, told to start something that cannot be started."""


class FakeBench:
    """In memory, in real time."""

    gone = "gone@0123456789ab"

    behaviours: ClassVar = {
        "well": Behaviour(healthy_after=0.05),
        "hangs": Behaviour(ends_after_term=float("inf")),
        "exits": Behaviour(exits_after=0.0, words="cannot find my configuration", exit_code=3),
        "silent": Behaviour(healthy_after=float("inf")),
    }

    def __init__(self) -> None:
        self.world = World(time.monotonic)
        self.runtime = FakeRuntime(self.world)
        self.next_port = iter(range(8000, 9000))
        self.world.images[self.gone] = Behaviour(start_error="there is no such image any more")

    def another(self) -> Runtime:
        return FakeRuntime(self.world)

    def port(self) -> int:
        return next(self.next_port)

    @contextmanager
    def stranger(self, port: int) -> Iterator[None]:
        self.world.strangers.add(port)
        yield
        self.world.strangers.remove(port)

    def will(self, port: int, behaviour: str) -> None:
        self.runtime.will(port, self.behaviours[behaviour])

    def freeze(self, found: Found) -> None:
        self.runtime.freeze(found.port)

    def answers(self, found: Found) -> bool:
        return self.runtime.probe(found.address)

    def broken(self) -> Runtime:
        other = FakeRuntime(World(time.monotonic))
        for port in range(8000, 9000):
            other.will(port, Behaviour(start_error="no such program"))
        return other

    def close(self) -> None:
        self.runtime.close()


class ProcessBench:
    """Real processes, records in a folder of the test."""

    gone = "gone@0123456789ab"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[LocalProcesses] = []
        self.runtime = self.another()

    def another(self, command: tuple[str, ...] = (sys.executable, str(SERVICE))) -> LocalProcesses:
        runtime = LocalProcesses(DeploySettings(state_dir=self.folder, command=command))
        self.opened.append(runtime)
        return runtime

    def port(self) -> int:
        return free_port()

    @contextmanager
    def stranger(self, port: int) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", port)):
            yield

    def will(self, port: int, behaviour: str) -> None:
        (self.folder / f"{port}.behaviour").write_text(behaviour)

    def freeze(self, found: Found) -> None:
        assert found.pid
        os.kill(found.pid, signal.SIGSTOP)

    def answers(self, found: Found) -> bool:
        return HealthProbe("/")(found.address)

    def broken(self) -> Runtime:
        return self.another(("/no/such/program",))

    def close(self) -> None:
        for found in self.runtime.running():
            self.runtime.kill(found.runtime_id)
        for runtime in self.opened:
            runtime.close()


class DockerBench:
    """A real engine, with an image that has nothing to do with acts. What is ours is told by the test's folder."""

    gone = "gone@0123456789ab"

    def __init__(self, folder: Path, api: APIClient, image: str) -> None:
        self.folder = folder
        self.api = api
        self.image = image
        self.behaviours = folder / "behaviours.env"
        self.behaviours.touch()
        self.opened: list[DockerEngine] = []
        self.runtime = self.another()

    def another(self, image: str = "") -> DockerEngine:
        service = ServiceSettings(name=f"contract-{os.getpid()}")
        docker = DockerSettings(image=image or self.image, env_file=str(self.behaviours))
        runtime = DockerEngine(DeploySettings(service, state_dir=self.folder, docker=docker), connect())
        self.opened.append(runtime)
        return runtime

    def port(self) -> int:
        return free_port()

    @contextmanager
    def stranger(self, port: int) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", port)):
            yield

    def will(self, port: int, behaviour: str) -> None:
        with self.behaviours.open("a") as lines:
            lines.write(f"BEHAVIOUR_{port}={behaviour}\n")

    def freeze(self, found: Found) -> None:
        self.api.pause(found.runtime_id)

    def answers(self, found: Found) -> bool:
        return HealthProbe("/")(found.address)

    def broken(self) -> Runtime:
        return self.another("no-such-image:ever")

    def close(self) -> None:
        for listed in self.api.containers(all=True, filters={"label": f"selfieless.state={self.folder}"}):
            self.api.remove_container(listed["Id"], force=True, v=True)
        for runtime in self.opened:
            runtime.close()


class SwarmBench:
    """A swarm of one node, through whose published ports containers are reached."""

    gone = "gone@0123456789ab"

    def __init__(self, folder: Path, swarm: Swarm, image: str) -> None:
        self.folder = folder
        self.swarm = swarm
        self.image = image
        self.behaviours = folder / "behaviours.env"
        self.behaviours.touch()
        self.opened: list[SwarmEngine] = []
        self.runtime = self.another()

    def another(self, image: str = "") -> SwarmEngine:
        service = ServiceSettings(name=f"contract-{os.getpid()}")
        docker = DockerSettings(image=image or self.image, env_file=str(self.behaviours), via="published")
        settings = DeploySettings(service, state_dir=self.folder, docker=docker, stop_grace=2)
        runtime = SwarmEngine(settings, self.swarm.node.api())
        self.opened.append(runtime)
        return runtime

    def port(self) -> int:
        return free_port()

    @contextmanager
    def stranger(self, port: int) -> Iterator[None]:
        with self.swarm.node.listener(port):
            yield

    def will(self, port: int, behaviour: str) -> None:
        with self.behaviours.open("a") as lines:
            lines.write(f"BEHAVIOUR_{port}={behaviour}\n")

    def freeze(self, found: Found) -> None:
        self.swarm.api.pause(self.swarm.container_of(found.runtime_id))

    def answers(self, found: Found) -> bool:
        return HealthProbe("/")(found.address)

    def broken(self) -> Runtime:
        return self.another("no-such-image:ever")

    def close(self) -> None:
        self.swarm.remove_services(f"selfieless.state={self.folder}")
        for runtime in self.opened:
            runtime.close()


CONTRACT_DOCKERFILE = 'FROM {base}\nCOPY service.py /\nENV LISTEN=0.0.0.0:80\nCMD ["python3", "/service.py"]\n'


@pytest.fixture(scope="session")
def swarm() -> Iterator[Swarm]:
    """A swarm of this suite's own, which has the service as an image."""
    with own_swarm() as made:
        build(made.api, "selfieless-contract", CONTRACT_DOCKERFILE, [SERVICE])
        yield made


@pytest.fixture(scope="session")
def service_image(docker_api: APIClient) -> Iterator[str]:
    """The service of this suite as an image."""
    name = f"selfieless-contract:{os.getpid()}"
    build(docker_api, name, CONTRACT_DOCKERFILE, [SERVICE])
    yield name
    docker_api.remove_image(name, force=True)
    for kept in docker_api.images(name=f"selfieless.contract-{os.getpid()}"):
        docker_api.remove_image(kept["RepoTags"][0], force=True)


ENGINES = [pytest.param(name, marks=pytest.mark.docker) for name in ("docker", "swarm")]


@pytest.fixture(params=["fake", "process", *ENGINES])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("CONTRACT_FOLDER", str(tmp_path))
    makers: dict[str, Callable[[], FakeBench | ProcessBench | DockerBench | SwarmBench]] = {
        "fake": FakeBench,
        "process": lambda: ProcessBench(tmp_path),
        "docker": lambda: DockerBench(
            tmp_path, request.getfixturevalue("docker_api"), request.getfixturevalue("service_image")
        ),
        "swarm": lambda: SwarmBench(tmp_path, request.getfixturevalue("swarm"), "selfieless-contract"),
    }
    made = makers[request.param]()
    yield made
    made.close()


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    return bench.runtime


@pytest.fixture
def started(bench: Bench) -> Callable[..., Found]:
    """Start a container that behaves so, and wait until it does."""

    def start(behaviour: str = "well", port: int | None = None) -> Found:
        chosen = port or bench.port()
        bench.will(chosen, behaviour)
        found = bench.runtime.start(chosen, generation=1)
        if behaviour in ("well", "hangs"):
            eventually(lambda: bench.answers(found), within=10)
        return found

    return start
