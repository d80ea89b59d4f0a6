"""Images of a swarm: every node fetches what it starts from a registry, by a name that means the same everywhere.

registry/acts:2@sha256:…   what a registry holds: every node fetches just this
acts@3f2a9c81d2e4          what was built or loaded here: a node must have been given it, as on a swarm of one node
"""

from dataclasses import replace
from typing import Any, cast

from docker import APIClient
from docker.errors import ImageNotFound

from deploy.runtime import docker_image
from deploy.runtime.base import ImageMissing, Tell
from deploy.runtime.docker_settings import DockerSettings

DIGEST = "@sha256:"


def prepared(api: APIClient, docker: DockerSettings, service: str, image: str, tell: Tell) -> str:
    """As `docker_image.prepared`, with a name that other nodes understand. Raises ImageMissing."""
    if DIGEST in image:
        docker_image.fetch(api, image, tell)
        return image
    return of_its_registry(api, docker_image.prepared(api, docker, service, image, tell))


def pinned(api: APIClient, docker: DockerSettings, image: str) -> str:
    """The exact name of an image. One of others' that this engine has not seen yet is fetched. Raises ImageMissing.

    So any manager can go on with what another one has prepared.
    """
    if DIGEST in image:
        return image
    if not replace(docker, image=image).is_made_here and not docker_image.EXACT.search(image):
        docker_image.fetch(api, image, lambda _line: None)
    try:
        return of_its_registry(api, docker_image.pinned(api, image))
    except ImageNotFound as error:
        raise ImageMissing(f"this manager's engine has no image {image}") from error


def of_its_registry(api: APIClient, exact: str) -> str:
    """The name by which a registry knows an image, if it came from one; else the name that it has."""
    name = exact.rpartition("@")[0]
    known = inspected(api, docker_image.reference_of(exact))["RepoDigests"] or []
    digests = [one.partition(DIGEST)[2] for one in known if one.partition(DIGEST)[0] == repository_of(name)]
    return f"{name}{DIGEST}{digests[0]}" if digests else exact


def repository_of(name: str) -> str:
    """An image's name without its tag: registry:5000/acts:2 → registry:5000/acts."""
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def reference_of(api: APIClient, exact: str) -> str:
    """What Swarm is told for an exact name: by its whole id an image that was loaded is not looked for elsewhere."""
    return exact if DIGEST in exact else str(inspected(api, docker_image.reference_of(exact))["Id"])


def inspected(api: APIClient, reference: str) -> dict[str, Any]:
    """What the engine says about an image."""
    return cast("dict[str, Any]", api.inspect_image(reference))  # type: ignore[no-untyped-call]
