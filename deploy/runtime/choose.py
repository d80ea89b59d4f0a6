"""Which runtime is used, and why: the only place that knows them all.

An opener answers with the runtime, or raises `Unavailable` with a sentence that says what this machine lacks.
`RUNTIME=auto` takes the first of AUTO that can be opened; a runtime that is named must open.
"""

from collections.abc import Callable, Mapping

from environs import EnvError

from deploy.runtime.base import Runtime, RuntimeAway
from deploy.runtime.docker_engine import DockerEngine, connect
from deploy.runtime.local_process import LocalProcesses
from deploy.settings import DeploySettings


class Unavailable(EnvError):
    """This runtime cannot be used on this machine now; the message is a sentence that says why.

    To who starts the service it is one more variable with a wrong value.
    """


def open_process(settings: DeploySettings) -> Runtime:
    """The process runtime can always be used."""
    return LocalProcesses(settings)


def open_docker(settings: DeploySettings) -> Runtime:
    """The docker runtime, if an engine answers and has the image."""
    try:
        api = connect()
    except RuntimeAway as error:
        raise Unavailable(f"RUNTIME=docker: {error}.") from error
    if not api.images(name=settings.docker.image):
        api.close()
        raise Unavailable(f"RUNTIME=docker: the engine has no image {settings.docker.image} (SERVICE_IMAGE).")
    return DockerEngine(settings, api)


Openers = Mapping[str, Callable[[DeploySettings], Runtime]]
OPENERS: Openers = {"docker": open_docker, "process": open_process}
AUTO = ("process",)  # best first


def choose_runtime(settings: DeploySettings) -> tuple[Runtime, str]:
    """The runtime to use and a sentence that says which and why. Raises Unavailable."""
    if settings.runtime == "auto":
        return first_of(AUTO, settings)
    if settings.runtime not in OPENERS:
        known = ", ".join(("auto", *OPENERS))
        raise Unavailable(f"RUNTIME={settings.runtime}: this version does not have it; it has {known}.")
    return OPENERS[settings.runtime](settings), f"Containers are run by: {settings.runtime} (RUNTIME says so)."


def first_of(names: tuple[str, ...], settings: DeploySettings, openers: Openers = OPENERS) -> tuple[Runtime, str]:
    """The first runtime that can be opened; the sentence tells why the ones before it could not."""
    reasons: list[str] = []
    for name in names:
        try:
            runtime = openers[name](settings)
        except Unavailable as error:
            reasons.append(str(error))
        else:
            why = f" ({' '.join(reasons).rstrip('.')})" if reasons else ""
            return runtime, f"Containers are run by: {name}{why}."
    raise Unavailable(" ".join(reasons))
