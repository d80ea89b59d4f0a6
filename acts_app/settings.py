"""What one acts container needs to know, read once from its environment into a frozen value."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from environs import Env, EnvError, validate
from limits import parse

from acts_app import store_url as store_urls
from acts_app.passwords import COST
from acts_app.secret_files import secret, with_password

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class ActsSettings:
    """Settings of one container; sizes are bytes, times are seconds."""

    redis_url: str  # unix:///path or redis://host:port/db
    auth: Literal["required", "off"] = "required"
    cors_origins: tuple[str, ...] = ()
    max_upload: int = 16 * MEGABYTE  # a 12 MB photo in base64, with its caption
    crash_token: str = ""  # empty: only local peers may crash a container
    session_secret: str = ""  # empty: the file in state_dir
    state_dir: Path = ROOT / "var"
    service_name: str = "acts"
    container_number: int = 1
    port: int = 8000
    bind: str = "127.0.0.1:8000"
    threads: int = 16
    signup_limit: str = "100 per hour"  # from one address: a school class behind one router can still sign up
    scrypt_cost: int = COST
    local_networks: tuple[Network, ...] = (
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )

    @property
    def open_protocol(self) -> bool:
        """Whether everybody may do everything (ACTS_AUTH=off)."""
        return self.auth == "off"

    @classmethod
    def from_env(cls, env: Env | None = None) -> "ActsSettings":
        """Read the variables; environs' EnvError names the one that is wrong."""
        env = env or Env()
        auth: Literal["required", "off"] = (
            "off"
            if env.str("ACTS_AUTH", "required", validate=validate.OneOf(["off", "required"])) == "off"
            else "required"
        )
        port = env.int("PORT", cls.port, validate=validate.Range(min=1, max=65535))
        return cls(
            redis_url=store_url(env),
            auth=auth,
            cors_origins=tuple(env.list("CORS_ORIGINS", ["*"] if auth == "off" else [])),
            max_upload=env.int("MAX_UPLOAD", cls.max_upload, validate=validate.Range(min=1)),
            crash_token=secret(env, "CRASH_TOKEN"),
            session_secret=secret(env, "SESSION_SECRET"),
            state_dir=Path(env.str("STATE_DIR", "") or ROOT / "var").absolute(),
            service_name=env.str("SERVICE_NAME", cls.service_name),
            container_number=env.int("CONTAINER_NUMBER", port - 7999),
            port=port,
            bind=env.str("ACTS_BIND", "") or f"127.0.0.1:{port}",
            threads=env.int("ACTS_THREADS", cls.threads, validate=validate.Range(min=2)),
            signup_limit=signup_limit(env),
            local_networks=networks(env),
        )


def store_url(env: Env) -> str:
    """ACTS_REDIS_URL, of one of the kinds that `store_url` knows."""
    url = env.str("ACTS_REDIS_URL")
    try:
        store_urls.check(url)
    except ValueError as problem:
        raise EnvError(f"ACTS_REDIS_URL {problem}") from problem
    return with_password(url, secret(env, "ACTS_REDIS_PASSWORD"))


def signup_limit(env: Env) -> str:
    """SIGNUP_LIMIT, as the limits library writes rates."""
    limit = env.str("SIGNUP_LIMIT", ActsSettings.signup_limit)
    try:
        parse(limit)
    except ValueError as problem:
        raise EnvError(f'SIGNUP_LIMIT must be like "100 per hour", not "{limit}"') from problem
    return limit


def networks(env: Env) -> tuple[Network, ...]:
    """LOCAL_NETWORKS: whose callers count as sitting at this machine (a bridge's gateway, under Docker)."""
    names: list[str] = env.list("LOCAL_NETWORKS", [])
    try:
        return (*ActsSettings.local_networks, *(ipaddress.ip_network(name) for name in names))
    except ValueError as problem:
        raise EnvError(f"LOCAL_NETWORKS is not a list of networks: {problem}") from problem
