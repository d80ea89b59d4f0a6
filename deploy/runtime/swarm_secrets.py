"""Secrets of the swarm that our containers share with the deploy worker.

What the deploy worker is told as a file in /run/secrets is a secret of the swarm of that very name. A container gets
the same one at the same place, so that `docker service inspect` shows its name and nothing more.
"""

from collections.abc import Mapping

from docker import APIClient
from docker.types import SecretReference

from deploy.runtime import docker_tls
from deploy.runtime.base import StartFailed
from deploy.runtime.docker_configuration import ACTS_GID, SECRETS

FOLDER = "/run/secrets/"
GROUP_MAY_READ = 0o440


def shared(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that name such files, of those that our application reads."""
    named = {f"{name}_FILE": variables.get(f"{name}_FILE", "") for name in SECRETS}
    return {name: file for name, file in named.items() if file.startswith(FOLDER)}


def certificates(variables: Mapping[str, str]) -> dict[str, str]:
    """The files that ACTS_REDIS_URL names which are such secrets, by their options; the URL may stay as it is."""
    return {name: file for name, file in docker_tls.named(variables).items() if file.startswith(FOLDER)}


def references(api: APIClient, files: Mapping[str, str]) -> list[SecretReference]:
    """What attaches the secrets behind these names to a service. Raises StartFailed if the swarm has no such."""
    names = sorted({file.removeprefix(FOLDER) for file in files.values()})
    known = {one["Spec"]["Name"]: one["ID"] for one in api.secrets(filters={"name": names})} if names else {}
    for name in names:
        if name not in known:
            raise StartFailed(f"the swarm has no secret {name}: make it with `docker secret create {name} FILE`")
    owner = str(ACTS_GID)
    return [SecretReference(known[name], name, name, owner, owner, GROUP_MAY_READ) for name in names]
