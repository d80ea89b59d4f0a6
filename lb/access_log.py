"""One line for every request, if gunicorn's setting accesslog asks for it.

The line is what gunicorn's access_log_format says, with all its atoms; ours are there as environ variables,
for example %({lb.container}e)s. The format "json" writes one JSON object instead. Everything is gathered
when the line is written, from what the exchange knows anyway, so that the data path costs the same without
a log.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from lb.client_protocol import ClientProtocol
from lb.exchange import Exchange

Pairs = list[tuple[str, str]]
RAW_LIMIT = 4096  # bytes of a refused request that are looked at
# What there is to say of a request that was refused at the door.
NOTHING: dict[str, Any] = {
    "time": "",
    "client": "",
    "method": "",
    "target": "",
    "protocol": "",
    "status": 0,
    "bytes": 0,
    "container": None,
    "port": None,
    "turn": None,
    "ring_version": None,
    "retries": 0,
    "upstream_ms": None,
    "total_ms": 0.0,
    "request_id": "",
    "reason": "",
}


class AccessLog:
    """Writes the access log of one worker. `logger` is gunicorn's."""

    def __init__(self, logger: Any, log_format: str) -> None:
        self.logger = logger
        self.as_json = log_format.strip() == "json"

    def __call__(self, exchange: Exchange) -> None:
        """Write the line of an exchange that has just ended."""
        client = exchange.client
        assert isinstance(client, ClientProtocol)
        answer_fields = pairs_of(exchange.answer.fields) if exchange.answer else []
        self.write(facts_of(exchange), pairs_of(client.request_block), answer_fields)

    def refused(self, client: ClientProtocol, status: int, reason: str, came: bytes) -> None:
        """Write the line of a request that was refused before it was understood; `came` is what came of it."""
        line, _, rest = came[:RAW_LIMIT].partition(b"\r\n")
        method, target, protocol = [*printable(line).split(" ", 2), "", "", ""][:3]
        asked = {"client": client.address, "method": method, "target": target, "protocol": protocol}
        self.write(NOTHING | {"time": now_text(), **asked, "status": status, "reason": reason}, safe_pairs_of(rest), [])

    def write(self, facts: dict[str, Any], fields: Pairs, answer_fields: Pairs) -> None:
        """Write a line."""
        if self.as_json:
            known = dict(fields)
            facts |= {"user_agent": known.get("user-agent", ""), "referer": known.get("referer", "")}
            self.logger.access_log.info("%s", json.dumps(facts))
        else:
            self.write_line(facts, fields, answer_fields)

    def write_line(self, facts: dict[str, Any], fields: Pairs, answer_fields: Pairs) -> None:
        """Write a line in gunicorn's format."""
        answer = SimpleNamespace(status=str(facts["status"]), sent=facts["bytes"], headers=answer_fields)
        path, _, query = facts["target"].partition("?")
        known = dict(fields)
        environ = {
            "REMOTE_ADDR": facts["client"] or "-",
            "REQUEST_METHOD": facts["method"],
            "RAW_URI": facts["target"],
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": facts["protocol"],
            "HTTP_REFERER": known.get("referer", "-"),
            "HTTP_USER_AGENT": known.get("user-agent", "-"),
            **{f"lb.{name}": value for name, value in facts.items()},
        }
        took = timedelta(milliseconds=facts["total_ms"])
        self.logger.access(answer, SimpleNamespace(headers=fields), environ, took)


def facts_of(exchange: Exchange) -> dict[str, Any]:
    """What happened, for JSON; times in milliseconds, `container` and `port` None when none answered."""
    client, upstream = exchange.client, exchange.upstream
    assert isinstance(client, ClientProtocol)
    now = time.monotonic()
    sent = exchange.sent
    return {
        "time": now_text(),
        "client": client.address,
        "method": exchange.method.decode("latin-1"),
        "target": exchange.target.decode("latin-1"),
        "protocol": f"HTTP/1.{int(client.minor)}",
        "status": exchange.status,
        "bytes": exchange.body_bytes,
        "container": int(upstream.number) if upstream else None,
        "port": upstream.port if upstream else None,
        "turn": exchange.turn,
        "ring_version": exchange.ring_version,
        "retries": exchange.tries,
        "upstream_ms": round((exchange.received - sent) * 1000, 3) if exchange.received and sent else None,
        "total_ms": round((now - exchange.started) * 1000, 3),
        "request_id": exchange.request_id.decode("latin-1"),
        "reason": exchange.reason,
    }


def now_text() -> str:
    """The time, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def printable(line: bytes) -> str:
    """What a stranger sent, so that it cannot write lines or colours into a log."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line.decode("latin-1"))


def safe_pairs_of(block: bytes) -> Pairs:
    """The fields of a block that nobody has judged."""
    return [(printable(name.encode("latin-1")), printable(value.encode("latin-1"))) for name, value in pairs_of(block)]


def pairs_of(block: bytes) -> list[tuple[str, str]]:
    """The fields of a block of lines, names in lower case; a start line has no colon before its first
    space.
    """
    lines = block.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return [(name.lower(), value) for name, colon, value in pairs if colon and " " not in name]
