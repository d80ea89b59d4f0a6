"""Events as people and as scripts read them."""

from datetime import datetime
from typing import Any

from rich.text import Text

from lb.events import Event, Kind

COLOURS = {
    Kind.HEALTHY: "green",
    Kind.RECOVERED: "green",
    Kind.SICK: "red",
    Kind.FAILED: "bold red",
    Kind.HELD: "yellow",
    Kind.DEGRADED: "yellow",
}


def as_text(event: Event) -> Text:
    """One line: when, what, where, how long, why, who."""
    when = datetime.fromtimestamp(event.at).astimezone().strftime("%H:%M:%S")
    line = Text(f"{when}  ").append(f"{event.kind:<11}", COLOURS.get(event.kind, ""))
    line.append(f"{event.port or '':>5}  ").append(event.reason)
    if event.seconds is not None:
        line.append(f" ({event.seconds:.1f} s)")
    return line.append(f"  {event.who}", "dim")


def as_json(event: Event) -> dict[str, Any]:
    """One object; the names of the fields are part of the interface."""
    fields = {"id": event.id, "at": event.at, "kind": str(event.kind), "port": event.port}
    return {**fields, "reason": event.reason, "who": event.who, "seconds": event.seconds, **event.extra}
