"""The application under test: small, and sick on demand. Started as SERVICE_COMMAND with PORT in its environment.

    GET  /api/v1/_health              200 at once, also when it is busy
    POST /api/v1/_crash               from now on 500 to everything
    GET  /api/…?seconds=S             answers after S seconds
    POST /api/note?id=ID              appends "ID PORT PID" to the file RECORD when it has come, then answers
    POST /late?seconds=S              from now on every answer, health included, is S seconds late
    GET  /api/work                    one at a time, each takes WORK_SECONDS: the one thing of which it cannot do more

A file ORDERS/PORT that says "exit" or "unhealthy" is obeyed at the start: what never becomes well.
"""

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import uvloop

PORT = int(os.environ["PORT"])
RECORD = os.environ.get("RECORD", "")
ORDERS = Path(os.environ.get("ORDERS", "/nonexistent"))
WORK_SECONDS = float(os.environ.get("WORK_SECONDS", "0.05"))


class Backend:
    """What the container knows."""

    def __init__(self, order: str) -> None:
        self.crashed = order == "unhealthy"
        self.late = 0.0
        self.record = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666) if RECORD else -1
        self.turn = asyncio.Lock()

    async def answer(self, method: str, target: str) -> tuple[int, bytes]:
        """Status and body."""
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/late":
            self.late = float(asked["seconds"])
            return 200, b"{}"
        if "id" in asked:  # before anything else: it has come, whatever becomes of the answer
            os.write(self.record, f"{asked['id']} {PORT} {os.getpid()}\n".encode())
        await asyncio.sleep(self.late + float(asked.get("seconds", 0)))
        if parts.path == "/api/work":
            async with self.turn:
                await asyncio.sleep(WORK_SECONDS)
        if self.crashed:
            return 500, b'{"error": "This container has crashed."}'
        self.crashed = parts.path == "/api/v1/_crash"
        return 200, b'{"well": true}'


async def serve(backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split(" ", 2)
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(fields.get("content-length", 0)))
            status, body = await backend.answer(method, target)
            writer.write(b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
    except (OSError, EOFError):
        writer.close()


async def main() -> None:
    """Serve for ever."""
    order = (ORDERS / str(PORT)).read_text().strip() if (ORDERS / str(PORT)).exists() else ""
    if order == "exit":
        sys.exit("The backend was told to exit at its start.")
    backend = Backend(order)
    server = await asyncio.start_server(lambda r, w: serve(backend, r, w), "127.0.0.1", PORT, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
