"""What the proxy and its neighbours are told through the environment, read once at the edge.

`ServiceSettings` is the part that every process of this project shares: which service is run, where its
state lives, which ports its containers have. `LbSettings` adds what only the proxy needs. The names of the
variables are the outer interface and do not change; an `environs.EnvError` raised here names the variable
that is wrong.
"""

import os
import re
from dataclasses import dataclass
from typing import Self

import environs
from environs import validate

from lb.redis_client import tls_context
from lb.redis_url import WrongUrl, redis_address, without_secrets
from lb.secret_files import secret, with_password

POSITIVE = validate.Range(min=0, min_inclusive=False)
NOT_NEGATIVE = validate.Range(min=0)
PORT = validate.Range(min=1, max=65535)
IS_PATH = validate.Regexp(r"/[!-~]*\Z", error="must be a path that begins with /")


def sentence(error: environs.EnvError) -> str:
    """What is wrong with a variable, for a person: its name, its value and why it cannot be."""
    named = re.match(r'Environment variable "(\w+)" ', str(error))
    if not named or not isinstance(error, environs.EnvValidationError):
        return str(error)
    reasons = error.error_messages if isinstance(error.error_messages, list) else [str(error.error_messages)]
    name = named.group(1)
    return f"{name}={without_secrets(os.environ.get(name, ''))}: {' '.join(str(reason) for reason in reasons)}"


def redis_url_is_usable(url: str) -> None:
    """Refuse a Redis address in a form that no part of this project could use, or with files that cannot be read."""
    try:
        tls = redis_address(url).tls
        if tls:
            tls_context(tls)
    except WrongUrl as error:
        raise environs.ValidationError(str(error)) from error
    except OSError as error:
        files = " or ".join(tls.files) if tls else ""
        raise environs.ValidationError(f"{files} cannot be used for TLS ({error.strerror or error})") from error


@dataclass(frozen=True)
class ServiceSettings:
    """Which service is served, and where its state is; the same in every process."""

    name: str = "acts"  # prefix of every Redis key and channel
    redis_url: str = "redis://127.0.0.1:6379/0"  # the state Redis; Redis's own default place
    first_port: int = 8000  # container 1 listens here, container n on first_port + n - 1
    max_containers: int = 10
    count_prefix: str = "/api/"  # requests below it are counted for scaling
    health_path: str = "/api/v1/_health"  # never counted

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the shared variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        return cls(
            name=env.str("SERVICE_NAME", cls.name, validate=validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z")),
            redis_url=with_password(
                env.str("REDIS_URL", cls.redis_url, validate=redis_url_is_usable), secret(env, "REDIS_PASSWORD")
            ),
            first_port=env.int("FIRST_PORT", cls.first_port, validate=PORT),
            max_containers=env.int("MAX_CONTAINERS", cls.max_containers, validate=validate.Range(1, 1000)),
            count_prefix=env.str("COUNT_PREFIX", cls.count_prefix, validate=IS_PATH),
            health_path=env.str("HEALTH_PATH", cls.health_path, validate=IS_PATH),
        )

    @property
    def ports(self) -> range:
        """Every port that a container may have."""
        return range(self.first_port, self.first_port + self.max_containers)

    def number_of(self, port: int) -> int:
        """Container number of a port: 1 for the first."""
        return port - self.first_port + 1


def default_workers() -> int:
    """One worker for each core this process may run on."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class LbSettings:
    """What the proxy is told. Times are seconds, sizes are bytes."""

    service: ServiceSettings
    port: int = 80
    workers: int = 1
    user: str = "nobody"  # the account that workers drop to when started as root
    connect_timeout: float = 1.0  # to a container on the same machine or network: more is a dead one
    upstream_timeout: float = 30.0  # to the first byte of the answer
    header_timeout: float = 10.0  # from a client's first byte (or from accept) to the end of the head
    body_timeout: float = 30.0  # without a byte of a client's body
    tunnel_grace: float = 5.0  # that a tunnel (a WebSocket) may go on after its container has left the ring
    max_body: int = 0  # 0 is no limit: the proxy streams and holds nothing
    max_in_flight: int = 400  # one container's, over all workers; below the connections that an acts container takes
    retry_budget: float = 0.2  # share of a worker's requests of the last 10 s that may be second tries
    count_precision: float = 0.0  # 0 records every request; else counts by slots of so many seconds
    crash_token: str = ""  # empty: only loopback peers may crash a container

    @property
    def share_in_flight(self) -> int:
        """What one worker may have in flight to one container."""
        return max(1, self.max_in_flight // self.workers)

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the proxy's variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        return cls(
            service=ServiceSettings.from_env(env),
            port=env.int("LB_PORT", cls.port, validate=PORT),
            workers=env.int("LB_WORKERS", default_workers(), validate=validate.Range(1, 1024)),
            user=env.str("LB_USER", cls.user),
            connect_timeout=env.float("CONNECT_TIMEOUT", cls.connect_timeout, validate=POSITIVE),
            upstream_timeout=env.float("UPSTREAM_TIMEOUT", cls.upstream_timeout, validate=POSITIVE),
            header_timeout=env.float("HEADER_TIMEOUT", cls.header_timeout, validate=POSITIVE),
            body_timeout=env.float("BODY_TIMEOUT", cls.body_timeout, validate=POSITIVE),
            tunnel_grace=env.float("TUNNEL_GRACE", cls.tunnel_grace, validate=NOT_NEGATIVE),
            max_body=env.int("MAX_BODY", cls.max_body, validate=NOT_NEGATIVE),
            max_in_flight=env.int("MAX_IN_FLIGHT", cls.max_in_flight, validate=POSITIVE),
            retry_budget=env.float("RETRY_BUDGET", cls.retry_budget, validate=validate.Range(0, 1)),
            count_precision=env.float("COUNT_PRECISION", cls.count_precision, validate=NOT_NEGATIVE),
            crash_token=secret(env, "CRASH_TOKEN"),
        )
