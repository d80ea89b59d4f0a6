"""What only the docker and swarm runtimes are told through the environment; `DeploySettings` holds it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import environs
from environs import validate

from lb.settings import NOT_NEGATIVE, PORT

ACTS_IMAGE = "acts"
VIAS = ("auto", "container", "published")
SHARE = validate.Range(0, 1, error="must be a share between 0 and 1")
SIZE = validate.Regexp(r"\d+[bkmgBKMG]?\Z", error="must be a size like 512m or 1g")


def is_file(text: str) -> None:
    """Refuse a file that is not there."""
    if text and not Path(text).is_file():
        raise environs.ValidationError("there is no such file")


def are_pairs(words: Sequence[str]) -> None:
    """Refuse what is no list of KEY=VALUE."""
    if not all("=" in word for word in words):
        raise environs.ValidationError("must be like name=value,name=value")


def pairs(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Names and values of KEY=VALUE words."""
    return tuple((name, value) for name, _, value in (word.partition("=") for word in words))


@dataclass(frozen=True)
class DockerSettings:
    """How containers are made."""

    image: str = ACTS_IMAGE
    port: int = 80  # where the image listens
    publish_address: str = "127.0.0.1"  # nobody but this machine sees the containers' ports
    # Which address the proxy uses: the container's own, where this machine can reach it. Through the published port
    # every request costs the engine's userland proxy about 0.2 ms of CPU more, and a fifth of the throughput.
    via: str = "auto"
    network: str = "bridge"  # the engine's own; compose has one of its own
    swarm_network: str = ""  # the overlay of a swarm's containers; empty: named as the service
    memory: str = "512m"  # sixteen threads with a 16 MB upload each, and thumbnails
    pids: int = 200  # twenty processes and threads are used
    cpus: float = 1.0  # one gunicorn worker cannot use more; 0 is no limit
    # The share of memory and CPUs that a node of a swarm must have to spare for one more: ten containers that do
    # little fit on two cores, and each may use all of its limit for a while.
    reservation: float = 0.1
    read_only: bool = True  # the root file system; /tmp is memory
    capabilities: tuple[str, ...] = ()  # what an image needs of root's powers; the acts image needs none
    env_file: str = ""  # KEY=VALUE lines for the container
    labels: tuple[tuple[str, str], ...] = ()  # further labels of each container, for other tools
    store_volume: str = ""  # the engine's volume with the acts store's socket; empty: a folder of this machine
    base_image: str = ""  # what the acts image is built on; empty: as the Dockerfile says
    wheels: str = ""  # a folder of wheels to build the acts image from; empty: pip fetches them

    @property
    def is_acts(self) -> bool:
        """Whether the containers are our own application's, in whatever version: acts, acts:2, registry:5000/acts."""
        return re.split("[:@]", self.image.rpartition("/")[2])[0] == ACTS_IMAGE

    @property
    def is_made_here(self) -> bool:
        """Whether the image is our own application's, and no registry's: it is built from this checkout."""
        return self.is_acts and "/" not in self.image

    @property
    def is_published(self) -> bool:
        """Whether the proxy shall use the published ports."""
        return self.via == "published"

    @classmethod
    def from_env(cls, env: environs.Env) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        return cls(
            image=env.str("SERVICE_IMAGE", "") or cls.image,
            port=env.int("SERVICE_PORT", cls.port, validate=PORT),
            publish_address=env.str("PUBLISH_ADDRESS", cls.publish_address),
            via=env.str("LB_VIA", cls.via, validate=validate.OneOf(VIAS)),
            network=env.str("DOCKER_NETWORK", cls.network),
            swarm_network=env.str("SWARM_NETWORK", cls.swarm_network),
            memory=env.str("SERVICE_MEMORY", cls.memory, validate=SIZE),
            pids=env.int("SERVICE_PIDS", cls.pids, validate=NOT_NEGATIVE),
            cpus=env.float("SERVICE_CPUS", cls.cpus, validate=NOT_NEGATIVE),
            reservation=env.float("SWARM_RESERVATION", cls.reservation, validate=SHARE),
            read_only=env.bool("SERVICE_READ_ONLY", cls.read_only),
            capabilities=tuple(env.list("SERVICE_CAPABILITIES", [])),
            labels=pairs(env.list("SERVICE_LABELS", [], validate=are_pairs)),
            store_volume=env.str("ACTS_STORE_VOLUME", cls.store_volume),
            env_file=env.str("SERVICE_ENV_FILE", cls.env_file, validate=is_file),
            base_image=env.str("BASE_IMAGE", cls.base_image),
            wheels=env.str("WHEELS", cls.wheels),
        )
