"""Which runtime is used, and why: the only place that knows them all.

An opener answers with the runtime, or raises `Unavailable` with a sentence that says what this machine lacks.
`RUNTIME=auto` takes the first of AUTO that can be opened and fits the other settings; a runtime that is named must
open. Only who passes `tell` has images built or fetched, and hears how that goes: `up` does, and the parts that it
starts find them there.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from urllib.parse import urlsplit

from docker import APIClient
from environs import EnvError

from deploy.runtime import docker_tls
from deploy.runtime.base import ImageMissing, Runtime, RuntimeTrouble, Tell
from deploy.runtime.docker_configuration import ACTS_GID
from deploy.runtime.docker_engine import DockerEngine, asking, connect
from deploy.runtime.docker_image import ensure, exists, outlook
from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.local_process import LocalProcesses
from deploy.runtime.swarm_engine import SwarmEngine
from deploy.runtime.swarm_membership import Membership, membership
from deploy.settings import ACTS_COMMAND, DeploySettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Unavailable(EnvError):
    """This runtime cannot be used on this machine now; the message says why.

    To who starts the service it is one more variable with a wrong value.
    """


def open_process(settings: DeploySettings, _tell: Tell | None = None) -> Runtime:
    """The process runtime can always be used."""
    return LocalProcesses(settings)


def open_docker(settings: DeploySettings, tell: Tell | None = None) -> Runtime:
    """The docker runtime, if an engine answers and has the image, or can get it."""
    if settings.docker.is_acts and (trouble := docker_tls.trouble(os.environ, ACTS_GID)):
        raise Unavailable(trouble)
    api = connection(settings)
    engine = DockerEngine(settings, api)
    try:
        if settings.runtime == "auto" and not engine.is_here():
            raise Unavailable("the engine runs on another machine, or in another network, than this")
        with asking():
            have_image(api, settings, tell)
    except RuntimeTrouble as error:
        engine.close()
        raise Unavailable(str(error)) from error
    except Unavailable:
        engine.close()
        raise
    return engine


def open_swarm(settings: DeploySettings, tell: Tell | None = None) -> Runtime:
    """The swarm runtime, if the engine is a manager of a swarm that has a leader.

    Only who starts the service sees to the image: the other managers may never need it.
    """
    api = connection(settings)
    try:
        is_member = membership(api)
        if not is_member.is_usable:
            raise Unavailable(f"{is_member.found}. {is_member.fix}".removesuffix("."))
        if tell:
            with asking():
                ensure(api, settings.docker, tell)
    except RuntimeTrouble as error:
        api.close()
        raise Unavailable(str(error)) from error
    except Unavailable:
        api.close()
        raise
    return SwarmEngine(settings, api)


def connection(settings: DeploySettings) -> APIClient:
    """A client of the engine, unless its containers could not reach the acts store."""
    if settings.docker.is_acts and is_loopback(os.environ.get("ACTS_REDIS_URL", "")):
        raise Unavailable("containers cannot reach the loopback address in ACTS_REDIS_URL")
    try:
        return connect()
    except RuntimeTrouble as error:
        raise Unavailable(str(error)) from error


def have_image(api: APIClient, settings: DeploySettings, tell: Tell | None) -> None:
    """See to the image, if `tell` listens; else it must be there. Raises ImageMissing."""
    if tell:
        ensure(api, settings.docker, tell)
    elif not exists(api, settings.docker.image):
        raise ImageMissing(f"the engine has no image {settings.docker.image} yet, which ./deploy/up builds")


def image_outlook(docker: DockerSettings) -> tuple[bool, str] | None:
    """Whether the engine can have the image without a registry, in words too; None where none answers."""
    try:
        with closing(connect()) as api, asking():
            there, found = outlook(api, docker)
            return there, f"engine {api.version()['Version']}: {found}"
    except RuntimeTrouble:
        return None


def swarm_outlook() -> Membership | None:
    """What the engine is in its swarm; None where none answers."""
    try:
        with closing(connect()) as api:
            return membership(api)
    except RuntimeTrouble:
        return None


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by an address that means another machine to a container."""
    hosts = urlsplit(url).netloc.rpartition("@")[2].split(",")  # sentinels are several
    return any(urlsplit(f"//{host}").hostname in LOOPBACK for host in hosts)


Openers = Mapping[str, Callable[[DeploySettings, Tell | None], Runtime]]
OPENERS: Openers = {"docker": open_docker, "process": open_process, "swarm": open_swarm}
AUTO = ("docker", "process")  # best first; a swarm may be there for something else, so it must be named


def choose_runtime(settings: DeploySettings, tell: Tell | None = None) -> tuple[Runtime, str]:
    """The runtime to use and a sentence that says which and why. Raises Unavailable."""
    if settings.runtime == "auto":
        return first_of(fitting(settings), settings, tell)
    if settings.runtime not in OPENERS:
        known = ", ".join(("auto", *OPENERS))
        raise Unavailable(f"RUNTIME={settings.runtime}: this version does not have it; it has {known}.")
    try:
        runtime = OPENERS[settings.runtime](settings, tell)
    except Unavailable as error:
        raise Unavailable(f"RUNTIME={settings.runtime}: {error}.") from error
    return runtime, f"Containers are run by: {settings.runtime} (RUNTIME says so)."


def fitting(settings: DeploySettings) -> tuple[str, ...]:
    """Those of AUTO that can run what is asked for: a command is run by a process, an image by an engine."""
    if settings.command != ACTS_COMMAND:
        return ("process",)
    return AUTO if settings.docker.is_made_here else ("docker",)


def first_of(
    names: tuple[str, ...], settings: DeploySettings, tell: Tell | None = None, openers: Openers = OPENERS
) -> tuple[Runtime, str]:
    """The first runtime that can be opened; the sentence tells why the ones before it could not."""
    reasons: list[str] = []
    for name in names:
        try:
            runtime = openers[name](settings, tell)
        except Unavailable as error:
            reasons.append(f"not {name}: {error}")
        else:
            why = f" ({'; '.join(reasons)})" if reasons else ""
            return runtime, f"Containers are run by: {name}{why}."
    raise Unavailable(f"RUNTIME=auto: {'; '.join(reasons)}.")
