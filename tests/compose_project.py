"""A project of compose.yaml on the engine of this machine, as people run it; for tests.

It runs from a copy of the checkout with wheels beside it, on images that are made from this machine, since no registry
and no package index is needed then. Whichever compose is installed serves: the plugin, or the older docker-compose.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError, ImageNotFound
from docker_images import BASE, servers, wheels
from helpers import ROOT, eventually, free_ports
from required import missing

from deploy.runtime.docker_engine import LOCAL

CONTEXT = ("acts_app", "lb", "deploy", "autoscaler", "monitor", "requirements", "pyproject.toml", "README.md")
CONTEXT = (*CONTEXT, ".dockerignore")
DEADLINE = 300  # seconds for one command of compose; building both images takes a minute


def compose_command() -> list[str]:
    """The compose that is here; skips the test where there is none."""
    for command in (["docker-compose"], ["docker", "compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    missing("docker", "apt-get install docker-compose")
    return []


@dataclass
class Project:
    """One project of its own name, ports, network and volumes."""

    folder: Path
    api: APIClient
    variables: dict[str, str] = field(default_factory=dict)
    name: str = f"slf{os.getpid()}"
    first_port: int = field(default_factory=lambda: free_ports(12))  # ten containers, the proxy, the dashboard
    command: list[str] = field(default_factory=compose_command)

    @property
    def service(self) -> str:
        """The name of the served service: containers of the engine carry it."""
        return f"{self.name}-acts"

    @property
    def lb_port(self) -> int:
        """Where the proxy is published."""
        return self.first_port + 10

    @property
    def admin_port(self) -> int:
        """Where the dashboard is."""
        return self.first_port + 11

    def environment(self) -> dict[str, str]:
        """What a person would have in the shell."""
        own = {
            "COMPOSE_PROJECT_NAME": self.name,
            "DOCKER_NETWORK": f"{self.name}-acts",
            "ACTS_STORE_VOLUME": f"{self.name}-acts-socket",
            "DOCKER_SOCKET": (os.environ.get("DOCKER_HOST") or LOCAL).removeprefix("unix://"),
            "ORCHESTRATOR_IMAGE": f"{self.name}-selfieless",
            "BASE_IMAGE": BASE,
            "DOCKER_BUILDKIT": "0",  # which may not be there, and would look for its own image
            "SERVICE_NAME": self.service,
            "LB_PORT": str(self.lb_port),
            "ADMIN_PORT": str(self.admin_port),
            "FIRST_PORT": str(self.first_port),
        }
        return {**os.environ, **own, **self.variables}

    def compose(self, *words: str) -> str:
        """What a command of compose printed; it must succeed."""
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.folder / "deploy",
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def prepare(self) -> None:
        """Copy what the images are built from, have Redis and HAProxy as images, and build."""
        for name in CONTEXT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, self.folder / name)
        (self.folder / "wheels").mkdir()
        for part in ("lb", "orchestrator", "acts"):
            for wheel in wheels(ROOT / "requirements" / f"{part}.txt").iterdir():
                shutil.copy2(wheel, self.folder / "wheels")
        image = servers(self.api)
        self.variables |= {"REDIS_IMAGE": image, "HAPROXY_IMAGE": image}
        self.compose("build", "--parallel")

    def up(self) -> None:
        """Start everything, and wait until it serves."""
        self.compose("up", "-d")
        eventually(lambda: self.get("/api/v1/_health").status_code == 200, within=60)

    def down(self) -> None:
        """Stop and remove everything, the volumes too."""
        self.compose("down", "--volumes", "--remove-orphans")

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET through the public port; an answer 503 while nothing can be reached at all."""
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request through the public port, with a deadline; an answer 503 while nothing can be reached at all."""
        try:
            return requests.request(method, f"http://127.0.0.1:{self.lb_port}{path}", timeout=20, **options)
        except requests.ConnectionError:
            unreachable = requests.Response()
            unreachable.status_code = 503
            return unreachable

    def selfieless(self, *words: str) -> str:
        """What the command line prints."""
        return self.compose("run", "--rm", "-T", "selfieless", *words)

    def inside(self, part: str, *words: str) -> str:
        """What a command prints in the container of a part, whatever its exit status; nothing while that is down."""
        try:
            made = self.api.exec_create(self.inspect(part)["Id"], list(words))
            printed: bytes = self.api.exec_start(made["Id"])
        except APIError:
            return ""
        return printed.decode()

    def ring(self) -> list[int]:
        """The ports that receive requests, as the state Redis says."""
        asked = ("redis-cli", "-s", "/run/state/state.sock", "hkeys", f"{self.service}:ring")
        return sorted(int(word) for word in self.inside("redis-state", *asked).split() if word.isdigit())

    def inspect(self, part: str) -> dict[str, Any]:
        """The engine's word on the one container of a part."""
        (listed,) = self.containers(f"com.docker.compose.service={part}", "com.docker.compose.oneoff=False")
        inspected: dict[str, Any] = self.api.inspect_container(listed["Id"])
        return inspected

    def acts(self) -> list[dict[str, Any]]:
        """The living acts containers."""
        return [one for one in self.containers(f"selfieless.service={self.service}") if one["State"] == "running"]

    def containers(self, *labels: str) -> list[dict[str, Any]]:
        """What the engine lists of this project, dead ones included."""
        wanted = [f"com.docker.compose.project={self.name}", *labels]
        listed: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": wanted})
        return listed

    def remains(self) -> list[str]:
        """Names of everything that the engine still has of this project, but for the images."""
        label = {"label": f"com.docker.compose.project={self.name}"}
        networks = [network["Name"] for network in self.api.networks(filters=label)]
        volumes = [volume["Name"] for volume in self.api.volumes(filters=label)["Volumes"] or []]
        return [name for one in self.containers() for name in one["Names"]] + networks + volumes

    def remove_images(self) -> None:
        """Remove what was built for this project alone. The layers stay as long as another image has them."""
        with suppress(ImageNotFound):  # it never came to be
            self.api.remove_image(f"{self.name}-selfieless", force=True)
