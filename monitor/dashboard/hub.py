"""One reader, many listeners: what the reader publishes goes to everybody who has the page open.

A listener that comes gets everything at once ("hello"), then what changes ("tick"). One that is too slow to follow gets
everything again. The number of listeners is bounded, because each holds a thread.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from monitor.dashboard.chart import SPAN, STEP

EVENTS_KEPT = 2_000
FRAMES_KEPT = 20  # ticks that a listener may lag behind
PATIENCE = 1.0  # seconds between two looks at whether the server is leaving

Json = dict[str, Any]


@dataclass(frozen=True)
class News:
    """What one tick of the reader found: the state as it is now, and events and chart points that are new."""

    state: Json
    events: list[Json] = field(default_factory=list)
    points: list[Any] = field(default_factory=list)


class Full(Exception):
    """There are as many listeners as there may be."""


class Hub:
    """`limit` listeners at the most. `alive` says whether the server goes on serving."""

    def __init__(self, limit: int, alive: Callable[[], bool] = lambda: True) -> None:
        self.alive = alive
        self._limit = limit
        self._listeners = 0
        self._changed = threading.Condition()
        self._number = 0
        self._frames: deque[str] = deque(maxlen=FRAMES_KEPT)
        self._state: Json = {}
        self._events: deque[Json] = deque(maxlen=EVENTS_KEPT)
        self._points: deque[Any] = deque(maxlen=SPAN // STEP)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners

    @property
    def state(self) -> Json:
        """The last state; empty before the first tick."""
        return self._state

    def publish(self, news: News) -> None:
        """Tell everybody."""
        frame = {"state": news.state, "events": news.events, "points": news.points}
        with self._changed:
            self._number += 1
            self._state = news.state
            self._events.extend(news.events)
            self._points.extend(news.points)
            self._frames.append(message("tick", frame))
            self._changed.notify_all()

    def listen(self) -> Iterator[str]:
        """Messages in the form of Server-Sent Events, until the server leaves. Raises Full at once."""
        with self._changed:
            if self._listeners >= self._limit:
                raise Full
            self._listeners += 1
        return self._messages()

    def leave(self) -> None:
        """One listener fewer; whoever called `listen` calls this once."""
        with self._changed:
            self._listeners -= 1

    def _messages(self) -> Iterator[str]:
        seen: int | None = None
        while self.alive():
            seen, texts = self._after(seen)
            yield from texts

    def _after(self, seen: int | None) -> tuple[int | None, list[str]]:
        """What is newer than tick number `seen`, after waiting for it a moment."""
        with self._changed:
            self._changed.wait_for(lambda: self._number not in (0, seen), PATIENCE)
            if self._number in (0, seen):
                return seen, [": still here\n\n"]  # a write is how one learns that the listener is gone
            missed = self._number - (seen or 0)
            if seen is None or missed > len(self._frames):
                return self._number, [self._hello()]
            return self._number, list(self._frames)[-missed:]

    def _hello(self) -> str:
        return message(
            "hello", {"state": self._state, "events": list(self._events), "points": list(self._points), "step": STEP}
        )


def message(kind: str, data: Json) -> str:
    """One Server-Sent Event."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
