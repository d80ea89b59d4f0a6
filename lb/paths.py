"""What a path means to the proxy: is it counted for scaling, is it the one that crashes a container. Pure.

Everything is forwarded by one code path; only these two questions look at where a request goes. They are
asked of the path as a container will understand it (percent signs decoded, dots and doubled slashes
resolved), so that `/api/v1/%5Fcrash` is no way around them.
"""

from enum import IntEnum
from posixpath import normpath
from typing import NamedTuple
from urllib.parse import unquote_to_bytes


class Meaning(IntEnum):
    """What the proxy has to do besides forwarding."""

    PLAIN = 0  # nothing
    COUNTED = 1  # record it in the window
    CRASH = 2  # ask first who sends it; never counted


class PathRules(NamedTuple):
    """Which paths are counted: those below `prefix`, except health checks and crashes (counting rule of the
    design).
    """

    prefix: bytes
    health: bytes
    crash: bytes

    def meaning(self, method: bytes, target: bytes) -> Meaning:
        """The meaning of a request; `target` is in origin form. OPTIONS is never counted (browsers send it
        unasked).
        """
        path = resolved(target)
        if path == self.crash:
            return Meaning.CRASH
        if path == self.health or method == b"OPTIONS":
            return Meaning.PLAIN
        below = path.startswith(self.prefix) or path + b"/" == self.prefix
        return Meaning.COUNTED if below else Meaning.PLAIN


def path_rules(count_prefix: str, health_path: str) -> PathRules:
    """The rules of a service. The crash route is the health route's neighbour `_crash`."""
    crash = health_path.rpartition("/")[0] + "/_crash"
    return PathRules(count_prefix.encode(), health_path.encode(), crash.encode())


def resolved(target: bytes) -> bytes:
    """The path of a request target without its query, as the container will read it."""
    path = target.partition(b"?")[0]
    if b"%" in path:
        path = unquote_to_bytes(path)
    if b"//" in path or b"/." in path or (len(path) > 1 and path.endswith(b"/")):
        path = tidy(path)
    return path


def tidy(path: bytes) -> bytes:
    """Resolve dots and doubled slashes."""
    return b"/" + normpath(path).lstrip(b"/") if path else path
