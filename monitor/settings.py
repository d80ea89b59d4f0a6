"""What the monitor is told through the environment, read once at the edge."""

from dataclasses import dataclass, field
from typing import Self

import environs

from deploy.settings import DeploySettings
from lb.settings import POSITIVE, ServiceSettings

PROBE_TIMEOUT = 0.8  # seconds; a round of probes has to be over before the next second's


@dataclass(frozen=True)
class MonitorSettings:
    """Times are seconds."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)  # to ask the runtime what really runs
    poll: float = 1.0

    @property
    def probe_timeout(self) -> float:
        """0.8 s, or less where the polls come faster."""
        return min(PROBE_TIMEOUT, 0.8 * self.poll)

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        return cls(
            service=ServiceSettings.from_env(env),
            deploy=DeploySettings.from_env(env),
            poll=env.float("POLL_SECONDS", cls.poll, validate=POSITIVE),
        )
