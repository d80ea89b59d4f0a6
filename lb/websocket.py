"""As much of WebSocket as it takes to end a tunnel politely: where frames end, and what "going away" looks like. Pure.

A close frame may be put between any two frames, never into one (RFC 6455, 5.4 and 5.5.1). So each direction of a
tunnel is followed by its frames' headers; payloads are only counted.
"""

GOING_AWAY = b"\x03\xe9"  # 1001: the endpoint leaves; clients connect again and reach another container
CLOSE = b"\x88\x02" + GOING_AWAY  # as a server sends it
MASKED_CLOSE = b"\x88\x82\x00\x00\x00\x00" + GOING_AWAY  # as a client must send it; a mask of zeros changes nothing
LENGTHS = {126: 2, 127: 8}  # bytes that follow for the length
LONGEST_HEADER = 10  # bytes, the mask left out


class Frames:
    """Follows the frames of one direction, which arrive in pieces of any size."""

    __slots__ = ("header", "left")

    def __init__(self) -> None:
        self.header = b""  # an incomplete header
        self.left = 0  # bytes of the present frame that have not come yet

    @property
    def at_boundary(self) -> bool:
        """Whether no frame is under way."""
        return not self.left and not self.header

    def feed(self, data: bytes) -> None:
        """Take in what was sent."""
        position = 0
        while position < len(data):
            if self.left:
                passed = min(self.left, len(data) - position)
                self.left -= passed
                position += passed
            else:
                position = self.read_header(data, position)

    def read_header(self, data: bytes, start: int) -> int:
        """Begin the frame at `start`, or go on with its header; returns where what follows the header begins."""
        before = len(self.header)
        header = self.header + data[start : start + LONGEST_HEADER]
        short = header[1] & 0x7F if len(header) > 1 else 0
        wide = LENGTHS.get(short, 0)
        if len(header) < 2 + wide:
            self.header = header
            return len(data)
        self.header = b""
        length = int.from_bytes(header[2 : 2 + wide]) if wide else short
        self.left = length + (4 if header[1] & 0x80 else 0)  # the mask comes before the payload
        return start + 2 + wide - before
