"""What a chart of policies shows, as values: requests and containers over time, in few enough points to be drawn.

The chart itself is drawn by a process of its own (`monitor.chart`): matplotlib takes a second or more to be imported,
and no command should pay that which draws nothing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autoscaler.simulate import Point

POINTS = 1_200  # more than a chart has columns
DRAWING_SECONDS = 60.0  # the first drawing of a machine also looks for its fonts


class NotDrawn(Exception):
    """The chart could not be drawn; the message is a sentence."""


@dataclass
class Curve:
    """One policy over time: in each stretch of `stretch` seconds from unix time `start` on, requests per second (the
    mean), and containers (the most wanted, the most that there should be, the fewest that ran).
    """

    start: int = 0
    stretch: int = 1
    requests: list[float] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    seen: int = field(default=0, repr=False)

    @classmethod
    def over(cls, seconds: int) -> "Curve":
        """An empty curve for so many seconds."""
        return cls(stretch=max(1, -(-seconds // POINTS)))

    def add(self, point: Point) -> None:
        """One more second."""
        if self.seen == 0:
            self.start = point.at
        if self.seen % self.stretch == 0:
            self.requests.append(0.0)
            self.wanted.append(point.wanted)
            self.target.append(point.target)
            self.running.append(point.running)
        self.requests[-1] += point.arrived / self.stretch
        self.wanted[-1] = max(self.wanted[-1], point.wanted)
        self.target[-1] = max(self.target[-1], point.target)
        self.running[-1] = min(self.running[-1], point.running)
        self.seen += 1


def draw(title: str, curves: Mapping[str, Curve], file: Path) -> None:
    """Write the chart of these policies to `file` (the suffix says the format: png, svg, pdf). Raises NotDrawn."""
    told = json.dumps({"title": title, "curves": {name: asdict(curve) for name, curve in curves.items()}})
    command: Sequence[str] = (sys.executable, "-m", "monitor.chart", str(file.absolute()))
    try:
        done = subprocess.run(command, input=told, capture_output=True, text=True, check=False, timeout=DRAWING_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"{file}: not drawn within {DRAWING_SECONDS:g} s") from error
    if done.returncode != 0:
        raise NotDrawn(f"{file}: {(done.stderr.strip().splitlines() or ['not drawn'])[-1]}")
