"""A Docker engine of a test's own, which it may kill: own folders, own bridge, no firewall rules."""

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from docker import APIClient
from docker.errors import DockerException
from helpers import eventually
from required import missing

from deploy.runtime.base import RuntimeAway
from deploy.runtime.docker_engine import knock

BRIDGE = "slf-own-{}"  # the number is this engine's own
SUBNET = "172.31.{}.1/24"  # its bridge's
NUMBERS = range(1, 251)


@dataclass
class OwnEngine:
    """One engine, running or not."""

    folder: Path
    bridge: str
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """What DOCKER_HOST says to reach it."""
        return f"unix://{self.folder}/docker.sock"

    def api(self) -> APIClient:
        """A client of it, to be closed."""
        return APIClient(self.host, version="1.41", timeout=60)

    def start(self, *options: str) -> None:
        """Start the engine and wait until it answers."""
        (self.folder / "pid").unlink(missing_ok=True)  # what a killed one has left
        own = [f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec", f"--pidfile={self.folder}/pid"]
        network = [f"--bridge={self.bridge}", "--iptables=false"]
        with (self.folder / "log").open("ab") as log:
            command = ["dockerd", f"--host={self.host}", *own, *network, *options]
            self.daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        eventually(self.answers, within=40, every=0.1)

    def answers(self) -> bool:
        """Whether it answers."""
        assert self.daemon
        assert self.daemon.poll() is None, (self.folder / "log").read_text()[-1500:]
        try:
            knock(self.host)
            with closing(self.api()) as api:
                return bool(api.ping())
        except (RuntimeAway, DockerException, requests.RequestException):
            return False

    def kill(self) -> None:
        """End it, and its containerd, as a crash would: its containers go on."""
        assert self.daemon
        noted = self.folder / "exec" / "containerd" / "containerd.pid"
        containerd = psutil.Process(int(noted.read_text()))
        self.daemon.kill()
        self.daemon.wait(10)
        with suppress(psutil.NoSuchProcess):
            containerd.kill()
            containerd.wait(10)
        noted.unlink()

    def close(self) -> None:
        """Remove every container and end the engine."""
        if self.daemon is None:
            return
        if self.daemon.poll() is not None:
            self.start()
        with closing(self.api()) as api:
            for one in api.containers(all=True):
                api.remove_container(one["Id"], force=True, v=True)
        self.daemon.terminate()
        self.daemon.wait(20)


@contextmanager
def own_engine() -> Iterator[OwnEngine]:
    """An engine that is not started yet; nothing of it is left at the end. Skips where that cannot be had."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("ip"):
        missing("docker", "run as root, with dockerd and iproute2, so that an engine can be started and killed")
    number = random.choice([one for one in NUMBERS if not Path("/sys/class/net", BRIDGE.format(one)).exists()])
    engine = OwnEngine(Path(tempfile.mkdtemp(prefix="slf-")), BRIDGE.format(number))
    subprocess.run(["ip", "link", "add", engine.bridge, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", SUBNET.format(number), "dev", engine.bridge], check=True)
        subprocess.run(["ip", "link", "set", engine.bridge, "up"], check=True)
        yield engine
    finally:
        engine.close()
        subprocess.run(["ip", "link", "delete", engine.bridge], check=True)
        leave(engine.folder)


def leave(folder: Path) -> None:
    """Remove an engine's folder, and what a killed one has left mounted below it."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", mount], check=True)
    shutil.rmtree(folder)
