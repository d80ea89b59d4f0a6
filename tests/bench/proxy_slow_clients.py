"""The slow clients of `proxy_slow.py`, a process of their own.

    python tests/bench/proxy_slow_clients.py PORT "500 idle"

They send or read a byte every second, and connect anew when they are thrown out. Nothing is imported that they do not
need, so that they are there soon.
"""

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import Awaitable, Callable


async def dribble_head(port: int) -> None:
    """A head that never ends."""
    await dribble(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: ")


async def dribble_body(port: int) -> None:
    """A body that comes byte by byte."""
    await dribble(port, b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")


async def dribble(port: int, begin: bytes) -> None:
    """Send a beginning, then a byte every second, until thrown out."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        writer.write(begin)
        while not reader.at_eof():
            writer.write(b"a")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 1)


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


Slow = Callable[[int], Awaitable[None]]


async def again_and_again(kind: Slow, port: int) -> None:
    """Come within two seconds, as slowhttptest's do, and again when thrown out."""
    await asyncio.sleep(random.uniform(0, 2))
    while True:
        with contextlib.suppress(OSError):
            await kind(port)
        await asyncio.sleep(0.5)


KINDS = {
    "500 dribbled heads": (dribble_head, 500),
    "200 dribbled bodies": (dribble_body, 200),
    "200 slow readers": (read_slowly, 200),
    "500 idle": (stay_idle, 500),
}


def chosen(name: str) -> list[tuple[Slow, int]]:
    """Those of one kind, or all."""
    return [KINDS[name]] if name in KINDS else list(KINDS.values())


async def slow_clients(port: int, name: str) -> None:
    """Run them until killed."""
    await asyncio.gather(*(again_and_again(kind, port) for kind, number in chosen(name) for _ in range(number)))


if __name__ == "__main__":
    asyncio.run(slow_clients(int(sys.argv[1]), sys.argv[2]))
