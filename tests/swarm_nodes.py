"""Swarm managers on one machine, as real as machines: `python tests/swarm_nodes.py up` makes three, and `down`.

Each node is a `dockerd` of its own in a network namespace of its own (its address), with a host name, mounts and
processes of its own; a bridge joins them. All that runs on a node, its engine and its containers, is below one
process, so that KILL for that one is a power cut. Taking a node's port of the bridge down is a partition. Nodes meet
nothing of other engines and other swarms, nor what killed ones have left in the kernel.

Everything is found again by one number, so that `down` needs no memory: 0 by hand, a test takes a free one.
"""

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before tests/deploy, which is no package

import psutil
import requests
from docker import APIClient
from docker.errors import DockerException
from helpers import eventually
from required import missing

from deploy.runtime.base import RuntimeAway
from deploy.runtime.docker_engine import knock

NODES = 3  # the least of which a majority is left when one is lost
NUMBERS = range(1, 251)  # of testbeds that tests make
SUBNET = "172.30.{}.{}"  # the third number is the testbed's, the fourth the node's
FIRST = 11  # the first node's last number; the bridge has 1
PROGRAMS = ("dockerd", "docker", "ip", "nsenter", "unshare", "iptables")
# What a node starts with: /run is its own (sockets, the engine's containers), and whoever is orphaned is reaped.
INIT = 'hostname "$0" && mount -t tmpfs tmpfs /run && "$@" & wait $!'
CGROUPS = Path("/sys/fs/cgroup")


def ip(*words: str) -> None:
    """Run `ip`; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Node:
    """One machine of the swarm, switched on or not."""

    number: int  # of the testbed
    index: int  # 1, 2, 3
    folder: Path
    started: subprocess.Popen[bytes] | None = None  # by this process; None: by another, or not at all

    @property
    def name(self) -> str:
        """Its host name, and so its name in the swarm."""
        return f"node{self.index}"

    @property
    def namespace(self) -> str:
        """Its network namespace, its port of the bridge and its group of processes."""
        return f"slf-{self.number}-{self.index}"

    @property
    def address(self) -> str:
        """Where the others, and clients on this machine, reach it."""
        return SUBNET.format(self.number, FIRST + self.index - 1)

    @property
    def data(self) -> Path:
        """Where its engine keeps what outlives a power cut."""
        return self.folder / "data"

    @property
    def host(self) -> str:
        """What DOCKER_HOST says to reach its engine, partitioned or not."""
        return f"unix://{self.folder}/docker.sock"

    def api(self) -> APIClient:
        """A client of its engine, to be closed."""
        return APIClient(self.host, version="1.41", timeout=60)

    def cable(self, bridge: str) -> None:
        """Give it a network card, and plug that into the bridge."""
        ip("netns", "add", self.namespace)
        ip("link", "add", self.namespace, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        ip("link", "set", self.namespace, "master", bridge, "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "lo", "up")
        ip("-n", self.namespace, "link", "set", "eth0", "up")

    def switch_on(self) -> None:
        """Start it, the first time or after a power cut, and wait until its engine answers."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "docker.sock").unlink(missing_ok=True)
        hosts = ["--host=unix:///run/docker.sock", f"--host={self.host}"]
        engine = ["dockerd", *hosts, f"--data-root={self.data}", f"--cgroup-parent=/{self.namespace}"]
        apart = ["unshare", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        with (self.folder / "log").open("ab") as log:
            command = ["nsenter", f"--net=/run/netns/{self.namespace}", *apart, "sh", "-c", INIT, self.name, *engine]
            self.started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        pid = self.started.pid
        (self.folder / "pid").write_text(f"{pid} {psutil.Process(pid).create_time()}")
        eventually(self.answers, within=60, every=0.1)

    def answers(self) -> bool:
        """Whether its engine answers."""
        assert self.process, (self.folder / "log").read_text()[-1500:]
        try:
            knock(self.host)
            with closing(self.api()) as api:
                return bool(api.ping())
        except (RuntimeAway, DockerException, requests.RequestException):
            return False

    @property
    def process(self) -> psutil.Process | None:
        """The process that everything on the node ends with; None when it is switched off."""
        with suppress(OSError, ValueError, psutil.NoSuchProcess):
            pid, created = (self.folder / "pid").read_text().split()
            found = psutil.Process(int(pid))
            if found.create_time() == float(created) and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None

    def cut_power(self) -> None:
        """KILL for its engine and all its containers, in one instant; returns when they are gone."""
        process = self.process
        if process is None:
            return
        below = process.children()
        process.kill()
        if self.started:
            self.started.wait(20)
        psutil.wait_procs(below, timeout=20)

    @contextmanager
    def listener(self, port: int) -> Iterator[None]:
        """Somebody who is no container listens on a port of the node while the block runs."""
        serve = [sys.executable, "-m", "http.server", "--bind", "0.0.0.0", str(port)]
        command = ["ip", "netns", "exec", self.namespace, *serve]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as somebody:
            try:
                eventually(lambda: accepts(self.address, port), within=20)
                yield
            finally:
                somebody.terminate()

    def plug(self, *, into_the_bridge: bool) -> None:
        """Take its port of the bridge down, or up again."""
        ip("link", "set", self.namespace, "up" if into_the_bridge else "down")

    @contextmanager
    def partitioned(self) -> Iterator[None]:
        """Nobody reaches it, and it reaches nobody, while the block runs."""
        self.plug(into_the_bridge=False)
        try:
            yield
        finally:
            self.plug(into_the_bridge=True)

    def docker(self, *words: str, timeout: float = 120, **variables: str) -> str:
        """What a `docker` command prints at its engine; it must succeed."""
        environment = {**os.environ, "DOCKER_HOST": self.host, **variables}
        done = subprocess.run(
            ["docker", *words], env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )
        assert done.returncode == 0, (
            f"{self.name}: docker {' '.join(words)}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        )
        return done.stdout

    def remove(self) -> None:
        """Cut its power and leave nothing of it."""
        self.cut_power()
        with suppress(subprocess.CalledProcessError):  # there is none
            ip("netns", "delete", self.namespace)
        with suppress(subprocess.CalledProcessError):  # it went with its other end
            ip("link", "delete", self.namespace)
        for group in [*CGROUPS.glob(self.namespace), *CGROUPS.glob(f"*/{self.namespace}")]:
            remove_group(group)


def accepts(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def copy_images(data: Path, to: Path) -> None:
    """Give an engine's images to one that is not switched on yet: on one disk the same files by further names.

    No engine changes a layer; saving and loading them would take half a minute.
    """
    draft = to.with_name(f"{to.name}.part")
    shutil.rmtree(draft, ignore_errors=True)  # what an interrupted attempt has left
    draft.mkdir(parents=True)
    there = [str(path) for name in ("image", "overlay2") if (path := data / name).exists()]
    link = ["--link"] * (data.stat().st_dev == draft.stat().st_dev)
    subprocess.run(["cp", "--archive", *link, *there, str(draft)], check=True)
    draft.rename(to)


def remove_group(group: Path) -> None:
    """Remove a group of processes that are gone, and those within it."""
    for within in (path for path in group.iterdir() if path.is_dir()):
        remove_group(within)
    with suppress(FileNotFoundError):
        group.rmdir()


class SwarmNodes:
    """The testbed: a bridge, and the nodes that are plugged into it."""

    def __init__(self, number: int, nodes: int = NODES) -> None:
        self._number = number
        self.folder = Path(f"/tmp/slf-nodes-{number}")
        self.bridge = f"slf-{number}"
        self.nodes = [Node(number, index, self.folder / f"node{index}") for index in range(1, nodes + 1)]

    def up(self, furnish: Callable[[Node], object] | None = None, kept: Path | None = None) -> None:
        """Make the nodes and join them into one swarm, all of them managers.

        `furnish` may give images to the first node; then all have them. In `kept` they are kept for the next time,
        which then makes anew only what has changed.
        """
        self.folder.mkdir(mode=0o711)
        ip("link", "add", self.bridge, "type", "bridge")
        ip("address", "add", f"{SUBNET.format(self._number, 1)}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        # Where bridged frames pass the firewall, an engine on this machine has set it to drop them.
        self._firewall("-I", check=True)
        for node in self.nodes:
            node.cable(self.bridge)
        first, *others = self.nodes
        if kept and kept.exists():
            copy_images(kept, first.data)
        first.switch_on()
        if furnish:
            furnish(first)
        for folder in [node.data for node in others] + [kept] * bool(kept and not kept.exists()):
            copy_images(first.data, folder)
        if others:
            in_parallel([node.switch_on for node in others])
        self._join()

    def _join(self) -> None:
        first = self.nodes[0]
        with closing(first.api()) as api:
            api.init_swarm(advertise_addr=first.address, listen_addr=first.address)
            token = api.inspect_swarm()["JoinTokens"]["Manager"]
        for node in self.nodes[1:]:
            with closing(node.api()) as api:
                api.join_swarm([first.address], token, listen_addr=node.address, advertise_addr=node.address)
        eventually(lambda: self.ready() == [node.name for node in self.nodes], within=60, every=0.2)

    def ready(self) -> list[str]:
        """The nodes that a manager who can be asked knows as ready."""
        listed = self.ask("nodes")
        return sorted(one["Description"]["Hostname"] for one in listed if one["Status"]["State"] == "ready")

    def ask(self, question: str, **words: Any) -> Any:
        """A question to the swarm (nodes, tasks, services …), answered by the first manager who can."""
        for node in self.nodes:
            if node.process is None:
                continue
            with suppress(DockerException, requests.RequestException), closing(node.api()) as api:
                return getattr(api, question)(**words)
        raise AssertionError(f"no manager answers to {question}")

    def down(self) -> None:
        """Remove everything, also what somebody else has made and not removed."""
        in_parallel([node.cut_power for node in self.nodes])
        for node in self.nodes:
            node.remove()
        self._firewall("-D", check=False)
        with suppress(subprocess.CalledProcessError):  # there is none
            ip("link", "delete", self.bridge)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _firewall(self, order: str, *, check: bool) -> None:
        rule = ["FORWARD", "-i", self.bridge, "-o", self.bridge, "-j", "ACCEPT"]
        subprocess.run(["iptables", order, *rule], check=check, capture_output=True)


def in_parallel(tasks: Sequence[Callable[[], object]]) -> None:
    """Do all of them at the same time; raises the first error when all have ended."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(lambda task: task(), tasks))


def free_number() -> int:
    """The number of no testbed, from a random place on so that tests side by side do not meet."""
    first = random.choice(NUMBERS)
    numbers = [*range(first, NUMBERS.stop), *range(NUMBERS.start, first)]
    return next(number for number in numbers if not SwarmNodes(number).folder.exists())


@contextmanager
def swarm_nodes(
    nodes: int = NODES, furnish: Callable[[Node], object] | None = None, kept: Path | None = None
) -> Iterator[SwarmNodes]:
    """Nodes of the test's own; nothing of them is left. Skips where they cannot be had."""
    lacking = [program for program in PROGRAMS if not shutil.which(program)]
    if os.geteuid() != 0 or lacking:
        missing("docker", f"run as root, with {', '.join(lacking or PROGRAMS)}, so that engines can be started")
    testbed = SwarmNodes(free_number(), nodes)
    try:
        testbed.up(furnish, kept)
        yield testbed
    finally:
        testbed.down()


def main(words: list[str]) -> int:
    """The testbed by hand: 0 when it is made, or removed."""
    parser = argparse.ArgumentParser(description="Three Swarm managers on this machine (as root).")
    parser.add_argument("order", choices=("up", "down"))
    order = parser.parse_args(words).order
    testbed = SwarmNodes(0)
    testbed.down()
    if order == "down":
        print("Nothing is left of the three nodes.")
        return 0
    testbed.up()
    reached = ", ".join(f"{node.name} at {node.address} (DOCKER_HOST={node.host})" for node in testbed.nodes)
    print(f"One swarm of three managers: {reached}. Remove them with: {sys.executable} {sys.argv[0]} down")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
