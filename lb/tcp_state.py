"""What the kernel knows about a connection that has failed: whether the other side can have read what was sent.

A server that closes a kept connection says so with a FIN, and its acknowledgement in there covers every byte that it
had received until then. If the FIN came, a reset followed (so the socket was closed, not half-closed), and the
acknowledged bytes end where the request began, then no program can have read any of the request: it may be sent again,
whatever its method (RFC 9112, 9.3.1; RFC 9110, 9.2.2 forbids it only where that is not known). A reset without a FIN
proves nothing, for it may overtake what was read. Linux only; elsewhere the answer is always "nobody knows".
"""

import socket
import struct
from typing import NamedTuple

CLOSED = 7  # TCP_CLOSE in Linux's states
# struct tcp_info of linux/tcp.h: eight bytes, 24 numbers of 32 bits, two rates of 64; then what is wanted.
ACKED_AT, SENT_AT, LENGTH = 120, 200, 216


class TcpState(NamedTuple):
    """State and counters of a connection that we made; bytes."""

    state: int
    acked: int  # the SYN counts as one
    sent: int
    sent_again: int


def tcp_state(connection: socket.socket) -> TcpState | None:
    """What the kernel says; None where it does not."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except (AttributeError, OSError):
        return None
    if len(info) < LENGTH:
        return None
    (acked,) = struct.unpack_from("Q", info, ACKED_AT)
    return TcpState(info[0], acked, *struct.unpack_from("QQ", info, SENT_AT))


def is_gone(connection: socket.socket) -> bool:
    """Whether the other side has reset the connection; False if nobody knows."""
    known = tcp_state(connection)
    return known is not None and known.state == CLOSED


def was_never_read(connection: socket.socket, length: int) -> bool:
    """Whether the last `length` bytes sent cannot have been read by anybody, on a connection that we made and whose
    end (a FIN, not a reset) has been read. False if nobody knows.
    """
    known = tcp_state(connection)
    if known is None or known.state != CLOSED or not known.acked:
        return False
    return known.sent - known.sent_again - (known.acked - 1) >= length > 0
