"""Slow clients: what a good client's p99 is beside 500 dribbled heads, 200 dribbled bodies, 200 slow readers, 500 idle.

    python tests/bench/proxy_slow.py [--seconds 6]

The slow ones come from one process that sends or reads a byte every second and connects anew when it is thrown out.
"""

import argparse
import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from proxy import milliseconds
from proxy_targets import LOAD_CORE, ROOT, pin, process, start_backend, start_ours, start_redis

sys.path[:0] = [str(ROOT)]

BODY = b"POST /api/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


async def dribble_head(port: int) -> None:
    """A head that never ends."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    while not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(1)


async def dribble_body(port: int) -> None:
    """A body that comes byte by byte."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(BODY)
    while not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(1)


async def read_slowly(port: int) -> None:
    """A large answer asked for, and hardly any of it read."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(3600):
            if not await loop.sock_recv(client, 1):
                break
            await asyncio.sleep(1)


async def stay_idle(port: int) -> None:
    """Nothing at all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read(1)
    writer.close()


async def again_and_again(kind: object, port: int) -> None:
    """Come back when thrown out."""
    while True:
        with contextlib.suppress(OSError):
            await kind(port)  # type: ignore[operator]
        await asyncio.sleep(0.5)


async def slow_clients(port: int) -> None:
    """All of them, until killed."""
    kinds = [(dribble_head, 500), (dribble_body, 200), (read_slowly, 200), (stay_idle, 500)]
    await asyncio.gather(*(again_and_again(kind, port) for kind, number in kinds for _ in range(number)))


def good_client(port: int, seconds: float) -> str:
    """wrk's latencies for a client that behaves."""
    command = ["wrk", "-t1", "-c8", f"-d{round(seconds)}s", "--latency", f"http://127.0.0.1:{port}/api/v1/x"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=pin(LOAD_CORE)).stdout
    found = dict(re.findall(r"(50|99)%\s+([\d.]+\w+)", out))
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    errors = re.search(r"(Non-2xx.*|Socket errors.*)", out)
    return (
        f"p50 {milliseconds(found['50']):.2f} ms, p99 {milliseconds(found['99']):.2f} ms, "
        f"{rate[1] if rate else '?'} req/s{', ' + errors[1] if errors else ''}"
    )


def main() -> None:
    """Measure without and with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--slow", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.slow:
        asyncio.run(slow_clients(options.slow))
        return
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        _, url = start_redis(stack, folder)
        ours = start_ours(stack, folder, url, start_backend(stack, folder))[0]
        sys.stdout.write(f"alone:             {good_client(ours.port, options.seconds)}\n")
        slow = [sys.executable, __file__, "--slow", str(ours.port)]
        with process(LOAD_CORE, *slow, log=folder / "slow.log", PYTHONPATH=os.pathsep.join(sys.path)):
            for name in ("while they come: ", "beside them:     ", "beside them:     "):
                sys.stdout.write(f"{name}  {good_client(ours.port, options.seconds)}\n")


if __name__ == "__main__":
    main()
