"""A page of acts as people see it: newest first, a dozen at a time, each page beginning where the last one ended.

The place in the list is an act, not a number, so that nothing is shown twice or skipped while others upload.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from acts_app.accounts_store import Account
from acts_app.acts_store import Act
from acts_app.image_routes import version
from acts_app.store import Store
from acts_app.validate import EPOCH, seconds_of

PAGE = 12  # divides by 2, 3 and 4 columns
CURSOR = re.compile(r"([0-9]{1,12})~([0-9]{16}:[0-9]+)\Z")


@dataclass(frozen=True)
class Card:
    """An act and what its viewer may do with it."""

    act: Act
    voted: bool
    mine: bool

    @cached_property
    def when(self) -> datetime:
        """When it happened, in the uploader's own time zone, which the protocol does not tell."""
        return EPOCH + timedelta(seconds=seconds_of(self.act.timestamp))

    @property
    def version(self) -> str:
        """For the image's address."""
        return version(self.act)

    @property
    def title(self) -> str:
        """The caption, or words where there is none."""
        return self.act.caption.strip() or "A good act"


@dataclass(frozen=True)
class Feed:
    """A page of the list, and where the next one begins (None: nowhere)."""

    cards: list[Card]
    size: int
    older: str | None


def cards(store: Store, acts: Sequence[Act], viewer: Account | None) -> list[Card]:
    """The acts as their viewer sees them."""
    voted = store.acts.upvoted(acts, viewer.number) if viewer and acts else set()
    return [Card(act, act.id in voted, bool(viewer) and owns(viewer, act)) for act in acts]


def owns(viewer: Account | None, act: Act) -> bool:
    """Whether the act is the viewer's own; an act of the open protocol belongs to whoever bears its name."""
    if viewer is None:
        return False
    return act.account == viewer.number if act.account else act.username == viewer.name


def feed(store: Store, category: str, before: str | None, viewer: Account | None) -> Feed | None:
    """The page of the category ("" = all acts) behind the cursor `before`; None for an unknown category."""
    first = 1 + passed(store, category, before)
    listing = store.acts.stretch(category, first, first + PAGE - 1)
    if listing is None:
        return None
    more = first + len(listing.acts) <= listing.size
    older = cursor(listing.acts[-1]) if more and listing.acts else None
    return Feed(cards(store, listing.acts, viewer), listing.size, older)


def cursor(act: Act) -> str:
    """The act as a place in the list."""
    return f"{seconds_of(act.timestamp)}~{act.entry}"


def passed(store: Store, category: str, before: str | None) -> int:
    """How many acts come up to and with the cursor's; 0 without a cursor, or with nonsense in its place."""
    match = CURSOR.match(before or "")
    return store.acts.passed(category, int(match[1]), match[2]) if match else 0
