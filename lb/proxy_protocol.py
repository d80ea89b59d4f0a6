"""The PROXY protocol, versions 1 and 2: what a balancer in front says about a connection before its first byte. Pure.

Written by the specification that HAProxy publishes (doc/proxy-protocol.txt); section numbers are its own. A header
is believed only where gunicorn's settings proxy_protocol and proxy_allow_ips say so: `proxied_client.py`.
"""

import re
import socket
import struct
from typing import NamedTuple

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1_PREFIX = b"PROXY "
MARKS = {"v1": {1: V1_PREFIX}, "v2": {2: V2_SIGNATURE}, "auto": {1: V1_PREFIX, 2: V2_SIGNATURE}}
V1_LIMIT = 107  # bytes with the line's end (2.1)
V2_LIMIT = 4096  # bytes; the lengths of the format end at 65,551, but nobody says so much (nginx reads as far)
V1_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})")
V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?")
MALFORMED = "The line of the PROXY protocol is malformed."
FAMILIES = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}
FIXED = struct.Struct("!12sBBH")  # signature, version and command, family and transport, bytes that follow
LOCAL, PROXY = 0x20, 0x21  # version and command
UNSPECIFIED = 0x00  # family and transport
V2_FAMILIES = {0x11: (socket.AF_INET, struct.Struct("!4s4sHH")), 0x21: (socket.AF_INET6, struct.Struct("!16s16sHH"))}

Endpoint = tuple[str, int]  # address and port


class BadHeader(Exception):
    """What came is not the header that must be there; the message is a sentence."""


class Header(NamedTuple):
    """A complete header."""

    size: int  # bytes of it
    client: Endpoint | None = None  # None when it does not say
    server: Endpoint | None = None  # what the client connected to
    local: bool = False  # the balancer speaks for itself, to look whether we live for example


def version_of(data: bytes, mode: str) -> int | None:
    """Which version's header begins here, 0 if none does; None while too little has come. `mode` is v1, v2 or auto."""
    marks = MARKS[mode]
    for version, mark in marks.items():
        if data.startswith(mark):
            return version
    return None if any(mark.startswith(data) for mark in marks.values()) else 0


def read_header(data: bytes, mode: str) -> Header | None:
    """The header that `data` begins with, None while it is not complete. Raises BadHeader."""
    version = version_of(data, mode)
    if version == 0:
        raise BadHeader("This connection must begin with a PROXY protocol header.")
    if version is None:
        return None
    return read_v1(data) if version == 1 else read_v2(data)


def read_v1(data: bytes) -> Header | None:
    """A line of text (2.1)."""
    end = data.find(b"\r\n", 0, V1_LIMIT)
    if end < 0:
        if len(data) >= V1_LIMIT:
            raise BadHeader(f"A PROXY protocol line may have {V1_LIMIT} bytes.")
        return None
    line = data[:end]
    if V1_UNKNOWN.fullmatch(line):
        return Header(end + 2)
    return read_addresses(line, end + 2)


def read_addresses(line: bytes, size: int) -> Header:
    """A line that names both ends."""
    found = V1_LINE.fullmatch(line)
    if found is None:
        raise BadHeader(MALFORMED)
    family = FAMILIES[found[1]]
    try:
        client, server = ((plain(family, found[n].decode()), port_of(found[n + 2])) for n in (2, 3))
    except (OSError, ValueError) as error:
        raise BadHeader(MALFORMED) from error
    return Header(size, client, server)


def plain(family: int, address: str) -> str:
    """An address in its usual form. Raises OSError."""
    return socket.inet_ntop(family, socket.inet_pton(family, address))


def port_of(digits: bytes) -> int:
    """A port. Raises ValueError."""
    if (port := int(digits)) > 65535:
        raise ValueError(port)
    return port


def read_v2(data: bytes) -> Header | None:
    """A binary block (2.2). What follows the addresses in it is passed over."""
    if len(data) < FIXED.size:
        return None
    _, command, kind, length = FIXED.unpack_from(data)
    size = FIXED.size + length
    if command not in {LOCAL, PROXY}:
        raise BadHeader("The PROXY protocol header has a version or a command that does not exist.")
    if size > V2_LIMIT:
        raise BadHeader(f"A PROXY protocol header may have {V2_LIMIT} bytes.")
    if len(data) < size:
        return None
    if command == LOCAL or kind == UNSPECIFIED:
        return Header(size, local=command == LOCAL)
    return read_block(data[FIXED.size : size], kind, size)


def read_block(block: bytes, kind: int, size: int) -> Header:
    """A block that names both ends."""
    if kind not in V2_FAMILIES:
        raise BadHeader("The PROXY protocol header speaks of something else than TCP over IPv4 or IPv6.")
    family, layout = V2_FAMILIES[kind]
    if len(block) < layout.size:
        raise BadHeader("The PROXY protocol header is too short for its addresses.")
    source, destination, source_port, destination_port = layout.unpack_from(block)
    client = socket.inet_ntop(family, source), source_port
    return Header(size, client, (socket.inet_ntop(family, destination), destination_port))
