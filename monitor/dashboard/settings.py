"""What the dashboard is told through the environment, read once at the edge."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

import environs

from autoscaler.settings import AutoscalerSettings
from lb.secret_files import secret, with_password
from lb.settings import PORT, redis_url_is_usable

Network = IPv4Network | IPv6Network

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("::ffff:127.0.0.0/104"))
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def networks_of(text: str) -> tuple[Network, ...]:
    """The networks in a list with commas or spaces; environs.ValidationError for what is none."""
    try:
        return tuple(ip_network(part, strict=False) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise environs.ValidationError(str(error)) from error


@dataclass(frozen=True)
class DashboardSettings:
    """The service that is shown, and who may look at it and change it."""

    scaling: AutoscalerSettings = field(default_factory=AutoscalerSettings)
    acts_redis_url: str = ""  # empty: there is no acts store to look at
    address: str = "127.0.0.1"
    port: int = 8081
    token: str = ""  # empty: nobody may change anything
    names: frozenset[str] = OWN_NAMES  # that the Host header may carry
    readers: tuple[Network, ...] = LOOPBACK  # peers that may look without the token
    lb_port: int = 80

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        names = env.str("ADMIN_HOSTS", "").lower().replace(",", " ").split()
        return cls(
            scaling=AutoscalerSettings.from_env(env),
            acts_redis_url=with_password(
                env.str("ACTS_REDIS_URL", "", validate=empty_or_usable), secret(env, "ACTS_REDIS_PASSWORD")
            ),
            address=env.str("ADMIN_ADDRESS", cls.address),
            port=env.int("ADMIN_PORT", cls.port, validate=PORT),
            token=secret(env, "ADMIN_TOKEN"),
            names=OWN_NAMES.union(names),
            readers=LOOPBACK + networks_of(env.str("LOCAL_NETWORKS", "")),
            lb_port=env.int("LB_PORT", cls.lb_port, validate=PORT),
        )


def empty_or_usable(url: str) -> None:
    """Refuse a Redis address that nobody could use; none at all is fine."""
    if url:
        redis_url_is_usable(url)
