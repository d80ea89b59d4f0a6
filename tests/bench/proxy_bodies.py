"""What large bodies cost a worker in memory: 1 GB up and down, then a side that is slow while the other one pushes.

    python tests/bench/proxy_bodies.py [--mb 1024] [--slow 20]

One real worker with Redis, on a core of its own; the container counts what comes, or sends what was asked for, as fast
as the sockets take it. Peak memory is VmHWM, set back before each row, so a row tells by how much its own bodies moved
it. A slow side takes 1 MB per second and connection for some seconds while the other side pushes: what lies between
the two is what the kernel and the worker hold, and then everybody breaks off. Both ends count every byte.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "lb"), str(Path(__file__).resolve().parent.parent)]

from proxy_targets import LOAD_CORE, PROXY_CORE, start_redis  # noqa: E402
from rig import Backend, Request, RunningProxy, Wire, request  # noqa: E402

MB = 1 << 20
PIECE = bytes(256 << 10)
CHUNK = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
SLOW_PIECE = 100 << 10  # bytes, ten times a second: 1 MB/s
SLOW_SECONDS = 5.0
GOAL_MB = 16.0  # by which bodies may move the worker's peak


def memory_mb(pid: int, name: str) -> float:
    """VmRSS (now) or VmHWM (peak) of a process."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def set_peak_back(pid: int) -> float:
    """Let VmHWM begin anew (proc(5), clear_refs); what it begins with."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return memory_mb(pid, "VmHWM")


def send_pieces(wire: Wire, total: int, chunked: bool) -> None:
    """Send a body of this many bytes, a multiple of a piece."""
    for _ in range(total // len(PIECE)):
        wire.send(CHUNK if chunked else PIECE)
    if chunked:
        wire.send(b"0\r\n\r\n")


def discard(wire: Wire, total: int) -> int:
    """Read and drop this many bytes; how many came."""
    came, wire.buffer = len(wire.buffer), b""
    space = memoryview(bytearray(len(PIECE)))
    while came < total and (count := wire.socket.recv_into(space[: total - came])):
        came += count
    return came


def discard_chunks(wire: Wire) -> int:
    """Read and drop a chunked body; its bytes."""
    came = 0
    while size := int(wire.until(b"\r\n"), 16):
        held = min(size, len(wire.buffer))
        wire.buffer = wire.buffer[held:]
        came += held + (discard(wire, size - held) if held < size else 0)
        assert wire.exactly(2) == b"\r\n"
    wire.until(b"\r\n")
    return came


def discard_slowly(wire: Wire) -> None:
    """Take 1 MB a second, for some seconds."""
    end = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < end:
        wire.exactly(SLOW_PIECE)
        time.sleep(0.1)


class Container:
    """The container's script, and the bytes that it has sent or taken so far."""

    def __call__(self, wire: Wire, asked: Request, backend: Backend) -> bool:
        """/down/BYTES and /chunks/BYTES send, /slow takes slowly, all else is counted, and the number the answer."""
        _, kind, *rest = asked.target.split("/")
        if kind == "slow":
            discard_slowly(wire)
            return False
        if kind in {"down", "chunks"}:
            total, chunked = int(rest[0]), kind == "chunks"
            framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % total
            wire.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
            send_pieces(wire, total, chunked)
            return True
        lengths = asked.values("Content-Length")
        body = b"%d" % (discard(wire, int(lengths[0])) if lengths else discard_chunks(wire))
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        return True


def upload(proxy: RunningProxy, total: int, chunked: bool) -> int:
    """POST a body; what the container counted."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {total}"
    with proxy.connect() as wire:
        wire.socket.settimeout(60)
        wire.send(request("POST", "/up", framing))
        send_pieces(wire, total, chunked)
        return int(wire.answer().body)


def download(proxy: RunningProxy, total: int, chunked: bool) -> int:
    """GET a body; how much of it came."""
    with proxy.connect() as wire:
        wire.socket.settimeout(60)
        wire.send(request("GET", f"/{'chunks' if chunked else 'down'}/{total}"))
        wire.head()
        return discard_chunks(wire) if chunked else discard(wire, total)


def read_slowly(proxy: RunningProxy, total: int) -> None:
    """GET a body that the container sends at once, and take it slowly; then break off."""
    with proxy.connect() as wire:
        wire.send(request("GET", f"/down/{total}"))
        wire.head()
        discard_slowly(wire)


def push_to_slow(proxy: RunningProxy, total: int) -> None:
    """POST a body as fast as the proxy takes it to a container that takes it slowly, and breaks off then."""
    with proxy.connect() as wire, contextlib.suppress(OSError):
        wire.send(request("POST", "/slow", f"Content-Length: {total}"))
        send_pieces(wire, total, False)


def show(name: str, pid: int, work: Callable[[], float]) -> float:
    """Do it, print a row; the worker's peak in MB. The work tells the MB that passed, or 0."""
    before, begun = set_peak_back(pid), time.monotonic()
    megabytes = work()
    rate = f"{megabytes / (time.monotonic() - begun):6.0f} MB/s" if megabytes else " " * 11
    peak = memory_mb(pid, "VmHWM")
    sys.stdout.write(f"{name:34} {rate}   peak {before:5.1f} -> {peak:5.1f} MB, moved {peak - before:5.2f}\n")
    return peak


def rows(proxy: RunningProxy, total: int, slow: int) -> Iterator[tuple[str, Callable[[], float]]]:
    """What is measured."""
    for chunked, framing in ((False, "Content-Length"), (True, "chunked")):
        yield f"{total // MB} MB up, {framing}", partial(whole, upload, proxy, total, chunked)
        yield f"{total // MB} MB down, {framing}", partial(whole, download, proxy, total, chunked)
    yield f"{slow} slow readers, fast container", partial(at_once, slow, read_slowly, proxy, total)
    yield f"{slow} fast senders, slow container", partial(at_once, slow, push_to_slow, proxy, total)


def whole(move: Callable[[RunningProxy, int, bool], int], proxy: RunningProxy, total: int, chunked: bool) -> float:
    """Move a body; the MB that came, and all of them must."""
    came = move(proxy, total, chunked)
    assert came == total, f"{came} of {total} bytes arrived"
    return total / MB


def at_once(number: int, side: Callable[[RunningProxy, int], None], proxy: RunningProxy, total: int) -> float:
    """Do it this many times in parallel; its rate says nothing."""
    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(side, proxy, total) for _ in range(number)]:
            future.result()
    return 0.0


def main() -> None:
    """Measure and print; exit code 1 when bodies move the peak beyond the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--slow", type=int, default=20)
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        _, url = start_redis(stack, folder)
        backend = Backend(Container())
        backend.lazy = True
        stack.callback(backend.close)
        proxy = RunningProxy(url, (backend,), (), {})
        stack.callback(proxy.stop)
        (beat,) = proxy.beats()
        os.sched_setaffinity(beat.pid, {PROXY_CORE})
        first = set_peak_back(beat.pid)
        moved = max(show(name, beat.pid, work) for name, work in rows(proxy, options.mb * MB, options.slow)) - first
        sys.stdout.write(f"The highest peak is {moved:.2f} MB above what the fresh worker had ({first:.1f} MB).\n")
    raise SystemExit(moved >= GOAL_MB)


if __name__ == "__main__":
    main()
