"""What the routes of one application work with, made once by the factory and found through Flask's current_app."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from acts_app.auth import Gatekeeper
from acts_app.rate_limits import RateLimits
from acts_app.settings import ActsSettings
from acts_app.stat import Stat
from acts_app.store import Store

EXTENSION = "acts"


@dataclass(frozen=True)
class Parts:
    """One container's parts."""

    settings: ActsSettings
    store: Store
    gate: Gatekeeper
    limits: RateLimits
    stat: Stat


def parts() -> Parts:
    """The parts of the application that serves this request."""
    return cast(Parts, current_app.extensions[EXTENSION])
