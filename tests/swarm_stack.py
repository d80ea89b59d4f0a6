"""The stack of deploy/stack.yaml on the three nodes of a testbed, as an operator deploys it; for tests.

Images are made on the first node, from this machine, and given to the others, since no registry is needed then.
"""

import asyncio
import hashlib
import secrets
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException
from docker_images import BASE, CACHE, make_base, orchestrator, servers, wheels
from helpers import ROOT, eventually
from swarm_nodes import Node, SwarmNodes, in_parallel

from deploy.runtime import docker_image
from deploy.runtime.docker_settings import DockerSettings
from monitor.prober import Ask, Connection, Prober, Sent, causes, longest_gap, percentile

STACK = "slf"
ACTS, PARTS, SERVERS = "acts:stack", "selfieless:stack", "selfieless-test-servers"
SECRETS = ("redis_password", "acts_redis_password", "crash_token", "session_secret", "admin_token")
GET = "/api/v1/acts/count"
RATE = 30.0  # requests a second through each node
WITH_PASSWORD = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli "$@"'
SERVICE_NAME = "com.docker.swarm.service.name"


@dataclass(repr=False)
class Account:
    """What became of the requests through some nodes."""

    sent: list[Sent] = field(default_factory=list)

    def lost(self, method: str) -> list[Sent]:
        """Requests of a method without a good answer."""
        return [one for one in self.sent if one.lost and one.ask.method == method]

    @property
    def sent_twice(self) -> list[Sent]:
        """POSTs that were told that their category exists: nobody but themselves can have made it."""
        return [one for one in self.sent if one.ask.method == "POST" and one.status == 400]

    def made(self) -> set[str]:
        """The categories whose making was answered well."""
        return {name_in(one.ask) for one in self.sent if one.ask.method == "POST" and one.status == 201}

    def __repr__(self) -> str:
        """For a person, who would not read thousands of requests."""
        return (
            f"{len(self.sent)} requests, lost {len(self.lost('GET'))} GET and {len(self.lost('POST'))} POST, longest "
            f"gap {longest_gap(self.sent) * 1000:.0f} ms, p99 {percentile(self.sent, 0.99) * 1000:.0f} ms, longest "
            f"{percentile(self.sent, 1) * 1000:.0f} ms; {dict(causes(self.sent).most_common(3))}"
        )


def name_in(ask: Ask) -> str:
    """The category that a POST makes."""
    return ask.body.decode().strip('["]')


def mixed(run: str) -> Callable[[int], Ask]:
    """80 % GET and 20 % POST, each of which makes a category of its own; a third of each over new connections."""

    def plan(number: int) -> Ask:
        fresh = number % 3 == 0
        if number % 5 == 0:
            return Ask("POST", "/api/v1/categories", f'["{run}-{number}"]'.encode(), fresh)
        return Ask("GET", GET, fresh=fresh)

    return plan


class Roamer(Prober):
    """Uses the nodes in turn, and the next one where one does not accept, as whoever stands before them would."""

    def __init__(self, rate: float, plan: Callable[[int], Ask], nodes: Sequence[Node]) -> None:
        super().__init__(80, rate, plan)
        self._hosts = cycle([node.address for node in nodes])
        self._number = len(nodes)

    async def _open(self) -> Connection:
        for _ in range(self._number - 1):
            with suppress(OSError):
                return await Connection.open(80, next(self._hosts))
        return await Connection.open(80, next(self._hosts))


class Stack:
    """The stack, deployed or not."""

    def __init__(self, testbed: SwarmNodes) -> None:
        self.testbed = testbed
        self.nodes = testbed.nodes

    def prepare(self) -> None:
        """Make what a stack wants to find: secrets, and the node of the acts store."""
        first = self.nodes[0]
        with closing(first.api()) as api:
            for name in SECRETS:
                api.create_secret(name, secrets.token_hex(16).encode())
        first.docker("node", "update", "--label-add", "acts-store=true", first.name)

    def deploy(self, **variables: str) -> None:
        """What an operator types; again for an update."""
        told = {
            "ORCHESTRATOR_IMAGE": PARTS,
            "SERVICE_IMAGE": ACTS,
            "REDIS_IMAGE": SERVERS,
            "HAPROXY_IMAGE": SERVERS,
            "ACTS_AUTH": "off",
            "LB_WORKERS": "1",
            "SERVICE_CPUS": "0.5",
            **variables,
        }
        stack = str(ROOT / "deploy" / "stack.yaml")
        self.nodes[0].docker("stack", "deploy", "--resolve-image", "never", "--compose-file", stack, STACK, **told)

    # Through the public port.

    def request(self, node: Node, method: str, path: str, **options: Any) -> requests.Response:
        """A request through a node's port 80; an answer 503 while nothing can be reached at all."""
        try:
            return requests.request(method, f"http://{node.address}{path}", timeout=20, **options)
        except requests.ConnectionError:
            unreachable = requests.Response()
            unreachable.status_code = 503
            return unreachable

    def serves(self, node: Node) -> bool:
        """Whether a request through the node reaches a container."""
        return self.request(node, "GET", GET).status_code == 200

    def roaming(self, rate: float = 2 * RATE) -> AbstractContextManager[Account]:
        """Traffic that takes another node where one does not accept."""
        return self.accounted([Roamer(rate, mixed(uuid.uuid4().hex[:8]), self.nodes)])

    def traffic(self, nodes: Sequence[Node], rate: float = RATE) -> AbstractContextManager[Account]:
        """Traffic through each of these nodes."""
        run = uuid.uuid4().hex[:8]
        return self.accounted([Prober(80, rate, mixed(f"{run}-{node.name}"), node.address) for node in nodes])

    @contextmanager
    def accounted(self, probers: Sequence[Prober], warm: float = 2.0) -> Iterator[Account]:
        """Traffic while the block runs, and what became of it, complete after the block."""
        account = Account()
        with ExitStack() as open_ones:
            for prober in probers:
                open_ones.enter_context(prober)
            time.sleep(warm)
            yield account
            time.sleep(1)  # so that what happened last has its consequences within the account
        account.sent = [one for prober in probers for one in prober.sent]
        print(f"  {account}")

    # Behind it.

    def containers(self, node: Node, **labels: str) -> list[dict[str, Any]]:
        """What the node's engine lists as running with these labels, {} standing for any value."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        with closing(node.api()) as api:
            listed: list[dict[str, Any]] = api.containers(filters={"label": wanted})
        return listed

    def where(self, part: str, among: Sequence[Node] | None = None) -> list[tuple[Node, str]]:
        """The node and the id of each running container of a part, as the engines that are up say."""
        found = []
        for node in among or self.nodes:
            if node.process is not None:
                listed = self.containers(node, **{SERVICE_NAME: f"{STACK}_{part}"})
                found += [(node, one["Id"]) for one in listed]
        return found

    def inside(self, part: str, *words: str, among: Sequence[Node] | None = None) -> str:
        """What a command prints in a container of a part, whatever its exit status; nothing while none is there."""
        for node, container in self.where(part, among):
            with suppress(DockerException), closing(node.api()) as api:
                made = api.exec_create(container, list(words))
                printed: bytes = api.exec_start(made["Id"])
                return printed.decode()
        return ""

    def redis(self, *words: str, among: Sequence[Node] | None = None) -> list[str]:
        """The lines of redis-cli on the state Redis."""
        return self.inside("redis-state", "sh", "-c", WITH_PASSWORD, "redis-cli", *words, among=among).split()

    def ring(self, among: Sequence[Node] | None = None) -> dict[int, str]:
        """Port and address of each container that receives requests, as the state Redis says."""
        words = self.redis("hgetall", "acts:ring", among=among)
        return {int(port): address for port, address in zip(words[::2], words[1::2], strict=False)}

    def selfieless(self, *words: str, among: Sequence[Node] | None = None) -> str:
        """What the command line prints."""
        return self.inside("deploy", "selfieless", *words, among=among)

    def settled(self, number: int, within: float = 60.0, among: Sequence[Node] | None = None) -> None:
        """Wait until exactly so many containers serve."""
        eventually(lambda: len(self.ring(among)) == number, within, every=0.3)

    def acts(self, node: Node) -> list[int]:
        """The ports of the acts containers that really run on a node, sorted."""
        listed = self.containers(node, **{"selfieless.service": "acts"})
        return sorted(int(one["Labels"]["selfieless.port"]) for one in listed)


def kept() -> Path:
    """Where the images are kept for the next time, as long as what is installed in them stays the same."""
    pins = [ROOT / "requirements" / f"{name}.txt" for name in ("acts", "lb", "orchestrator")]
    made_of = b"".join(path.read_bytes() for path in [*pins, *sorted((ROOT / "deploy").glob("*.Dockerfile"))])
    folder = CACHE / f"engine-{hashlib.sha256(made_of).hexdigest()[:12]}"
    for other in CACHE.glob("engine-*"):
        if other != folder:
            shutil.rmtree(other)
    return folder


def images(node: Node) -> None:
    """Make all images of the stack in the engine of a node; those of the acts and of the parts at the same time."""
    with closing(node.api()) as api:
        if not api.images(name=BASE):
            make_base(api)
    in_parallel([partial(made, node, make) for make in (build_acts, build_parts)])


def made(node: Node, make: Callable[[APIClient], object]) -> None:
    """Let the engine of a node make something, over a connection of its own."""
    with closing(node.api()) as api:
        make(api)


def build_acts(api: APIClient) -> None:
    """The image of the containers, and the one with Redis and HAProxy."""
    docker_image.build(api, acts_settings(), lambda line: None)
    assert servers(api) == SERVERS


def build_parts(api: APIClient) -> None:
    """The image of the parts."""
    orchestrator(api, PARTS)


def acts_settings() -> DockerSettings:
    """How the acts image is built here."""
    return DockerSettings(image=ACTS, base_image=BASE, wheels=str(wheels(ROOT / "requirements" / "acts.txt")))


def shares(nodes: Sequence[Node], requests_each: int, connections: int = 8) -> Counter[int]:
    """How many of these requests each container has answered, sent through all nodes at the same time."""
    return asyncio.run(counted(nodes, requests_each, connections))


async def counted(nodes: Sequence[Node], requests_each: int, connections: int) -> Counter[int]:
    """The same, within an event loop: each node gets its requests over a few connections, one after the other."""
    left = {node.name: requests_each for node in nodes}
    answered: Counter[int] = Counter()

    async def one_client(node: Node) -> None:
        connection = await Connection.open(80, node.address)
        while left[node.name]:
            left[node.name] -= 1
            status, fields, _ = await connection.exchange(Ask("GET", GET))
            assert status == 200
            answered[int(fields["x-served-by"])] += 1
        connection.close()

    await asyncio.gather(*[one_client(node) for node in nodes for _ in range(connections)])
    return answered
