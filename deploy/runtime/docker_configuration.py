"""What a container is made of: its labels, its environment, what it may do, and how much of everything it may use.

selfieless.service, .state, .number, .port, .generation, .image, .ring   labels of every container
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker import APIClient
from docker.types import LogConfig

from deploy.machine.tokens import given, kept
from deploy.runtime import docker_tls
from deploy.runtime.base import StartFailed
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings

LABEL = "selfieless."
NO_FILES: Mapping[str, str] = {}
STORE = "/run/acts-store"  # where a container finds the folder of the acts store's socket
ACTS_GID = 10001  # the group of the account in acts.Dockerfile
SCRATCH = {"/tmp": "size=64m,mode=1777"}  # noqa: S108 - inside; four uploads of 16 MB on their way to the store
LOG_OPTIONS = {"max-size": "10m", "max-file": "2"}
# What the acts application reads, when `up` was told it.
ACTS_VARIABLES = ("CORS_ORIGINS", "MAX_UPLOAD", "SIGNUP_LIMIT", "ACTS_AUTH", "ACTS_THREADS")
SECRETS = ("CRASH_TOKEN", "SESSION_SECRET", "ACTS_REDIS_PASSWORD")


def own_labels(settings: DeploySettings) -> dict[str, str]:
    """What says that a container is ours: of this service and of this state folder."""
    return {f"{LABEL}service": settings.service.name, f"{LABEL}state": str(settings.state_dir)}


def labels_of(settings: DeploySettings, port: int, generation: int, image: str) -> dict[str, str]:
    """All labels of a container."""
    told = {
        "number": settings.service.number_of(port),
        "port": port,
        "generation": generation,
        "image": image,
        "ring": f"{settings.service.name}:ring",
    }
    own = own_labels(settings)
    return dict(settings.docker.labels) | own | {f"{LABEL}{name}": str(value) for name, value in told.items()}


def are_ours(labels: Mapping[str, str] | None, settings: DeploySettings) -> bool:
    """Whether these labels are those of a container of ours."""
    return labels is not None and own_labels(settings).items() <= labels.items()


def as_filter(labels: Mapping[str, str]) -> list[str]:
    """Labels as the engine's lists are filtered by them."""
    return [f"{name}={value}" for name, value in labels.items()]


def configuration(api: APIClient, settings: DeploySettings, port: int, gateway: str) -> dict[str, Any]:
    """The arguments of `create_container` but for name and labels. `gateway`: this machine as containers see it."""
    docker = settings.docker
    return {
        "image": docker.image,
        "user": account(docker),
        "environment": environment(settings, docker_tls.as_inside(os.environ), port, gateway),
        "ports": [(docker.port, "tcp")],
        "host_config": api.create_host_config(
            network_mode=docker.network,
            port_bindings={f"{docker.port}/tcp": (docker.publish_address, port)},
            binds=binds(docker, os.environ),
            mounts=docker_tls.mounts(os.environ) if docker.is_acts else None,
            **confinement(docker),
        ),
    }


def account(docker: DockerSettings) -> str | None:
    """Who runs the acts application: whoever started the service, since the store's socket is theirs; never root."""
    return f"{os.geteuid()}:{os.getegid()}" if docker.is_acts and os.geteuid() != 0 else None


def confinement(docker: DockerSettings) -> dict[str, Any]:
    """What the engine keeps a container from."""
    return {
        "read_only": docker.read_only,
        "tmpfs": SCRATCH,
        "cap_drop": ["ALL"],
        "cap_add": list(docker.capabilities),
        "security_opt": ["no-new-privileges"],
        "mem_limit": docker.memory,
        "memswap_limit": docker.memory,  # none beyond it: a container that swaps is as good as hung
        "pids_limit": docker.pids or None,
        "nano_cpus": int(docker.cpus * 1e9) or None,
        "init": True,
        "log_config": LogConfig(type="json-file", config=LOG_OPTIONS),
    }


def binds(docker: DockerSettings, variables: Mapping[str, str]) -> list[str]:
    """The folder of the acts store's socket, so that a store that was started again is found again."""
    path = store_socket(variables)
    if path is None or not docker.is_acts:
        return []
    if not docker.store_volume:
        let_in(path.parent)
    return [f"{docker.store_volume or path.parent}:{STORE}:ro"]


def environment(
    settings: DeploySettings,
    variables: Mapping[str, str],
    port: int,
    gateway: str,
    files: Mapping[str, str] = NO_FILES,
) -> dict[str, str]:
    """What a container is told: never all that `up` knows. `files`: variables that name secrets which it has itself."""
    told = {"PORT": str(port), "CONTAINER_NUMBER": str(settings.service.number_of(port))}
    if settings.docker.is_acts:
        told |= acts_environment(settings, variables, gateway, files)
    return told | read_env_file(settings.docker.env_file)


def acts_environment(
    settings: DeploySettings, variables: Mapping[str, str], gateway: str, files: Mapping[str, str]
) -> dict[str, str]:
    """What our own application needs. One secret signs the sessions of all containers."""
    told = {name: variables[name] for name in ACTS_VARIABLES if name in variables}
    path = store_socket(variables)
    told["ACTS_REDIS_URL"] = f"unix://{STORE}/{path.name}" if path else variables.get("ACTS_REDIS_URL", "")
    told |= {**secrets(settings, variables, files), **files}
    told["SERVICE_NAME"] = settings.service.name
    # Who comes through a published port from this machine is seen with the gateway's address.
    told["LOCAL_NETWORKS"] = variables.get("LOCAL_NETWORKS", f"{gateway}/32" if gateway else "")
    return told


def secrets(settings: DeploySettings, variables: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """The secrets that it has no file of: a container does not see those of this machine."""
    told = {name: given(variables, name) for name in SECRETS if f"{name}_FILE" not in files}
    if told.get("SESSION_SECRET") == "":
        told["SESSION_SECRET"] = kept(settings.state_dir / "session_secret")
    return {name: secret for name, secret in told.items() if secret}


def store_socket(variables: Mapping[str, str]) -> Path | None:
    """The acts store's socket; None where it is reached by TCP."""
    parts = urlsplit(variables.get("ACTS_REDIS_URL", ""))
    return Path(parts.path) if parts.scheme == "unix" else None


def let_in(folder: Path) -> None:
    """Let the containers' account into a folder of root's. Any other account runs containers as itself."""
    if os.geteuid() == 0:
        os.chown(folder, -1, ACTS_GID)
        folder.chmod(0o710)


def read_env_file(path: str) -> dict[str, str]:
    """The KEY=VALUE lines of a file, read at every start; comments and empty lines are left out. Raises StartFailed."""
    try:
        lines = Path(path).read_text().splitlines() if path else []
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StartFailed(f"SERVICE_ENV_FILE={path} cannot be read ({why}): put it back") from error
    return dict(line.strip().split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
