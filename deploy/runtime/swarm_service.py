"""What the service is made of that stands for one container: one replica, which Swarm keeps running on some node.

The container is confined as that of a single engine, as far as Swarm can say it: there is no bound on swap, and
no-new-privileges only from API 1.44 on (Engine 25). A health check of the image is switched off: who is well is judged
by the monitor alone.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from docker import APIClient
from docker.types import (
    ContainerSpec,
    DriverConfig,
    EndpointSpec,
    Mount,
    NetworkAttachmentConfig,
    Placement,
    Resources,
    RestartPolicy,
    ServiceMode,
    TaskTemplate,
)
from docker.utils import compare_version, parse_bytes

from deploy.runtime import swarm_secrets
from deploy.runtime.docker_configuration import LOG_OPTIONS, account, binds, environment
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings

NANOSECONDS = 10**9
NO_NEW_PRIVILEGES_SINCE = "1.44"
SCRATCH = Mount("/tmp", None, type="tmpfs", tmpfs_size="64m", tmpfs_mode=0o1777)  # noqa: S108 - inside
# Until Swarm starts another one for one that has ended. Time for the deploy worker, who starts one with a clean slate;
# after a node that was lost, too, Swarm waits for so long.
RESTART_DELAY = 5


def service(  # noqa: PLR0913 - everything that tells one from another
    api: APIClient,
    settings: DeploySettings,
    port: int,
    *,
    labels: Mapping[str, str],
    image: str,
    network: str,
    gateway: str,
    places: Sequence[str],
) -> dict[str, Any]:
    """The arguments of `create_service` but for its name.

    `network` is the id of the overlay, `places` are constraints on the node; `gateway` is this machine as containers
    see it, empty where they do not.
    """
    docker = settings.docker
    template = TaskTemplate(
        container(api, settings, port, labels, image, gateway),
        resources=resources(docker),
        restart_policy=RestartPolicy("any", delay=RESTART_DELAY * NANOSECONDS),
        placement=Placement(constraints=list(places)),
        log_driver=DriverConfig("json-file", options=LOG_OPTIONS),
        networks=[NetworkAttachmentConfig(network)],
    )
    published: Any = {port: (docker.port, "tcp", "host")} if docker.is_published else None
    return {
        "task_template": template,
        "labels": dict(labels),
        "mode": ServiceMode("replicated", replicas=1),
        "endpoint_spec": EndpointSpec("dnsrr", ports=published),
    }


def container(  # noqa: PLR0913, PLR0917 - as above
    api: APIClient, settings: DeploySettings, port: int, labels: Mapping[str, str], image: str, gateway: str
) -> ContainerSpec:
    """The container itself."""
    docker = settings.docker
    files = swarm_secrets.shared(os.environ) if docker.is_acts else {}
    certificates = swarm_secrets.certificates(os.environ) if docker.is_acts else {}
    can_forbid = compare_version(NO_NEW_PRIVILEGES_SINCE, api.api_version) >= 0
    make: Any = ContainerSpec  # whose types know less than it takes
    made: ContainerSpec = make(
        image,
        env=environment(settings, os.environ, port, gateway, files),
        secrets=swarm_secrets.references(api, {**files, **certificates}),
        user=account(docker),
        labels=dict(labels),
        mounts=[SCRATCH, *map(Mount.parse_mount_string, binds(docker, os.environ))],
        stop_grace_period=int(settings.stop_grace * NANOSECONDS),
        read_only=docker.read_only,
        healthcheck={"Test": ["NONE"]},
        init=True,
        cap_drop=["ALL"],
        cap_add=list(docker.capabilities),
        privileges={"NoNewPrivileges": True} if can_forbid else None,
    )
    return made


def resources(docker: DockerSettings) -> Resources:
    """What a container may use, and the share of it that a node must have to spare."""
    memory, cpus = int(parse_bytes(docker.memory)), docker.cpus * NANOSECONDS
    made = Resources(
        mem_limit=memory,
        cpu_limit=int(cpus) or None,
        mem_reservation=int(memory * docker.reservation),
        cpu_reservation=int(cpus * docker.reservation),
    )
    if docker.pids:
        made["Limits"]["Pids"] = docker.pids  # the SDK has no name for it
    return made
