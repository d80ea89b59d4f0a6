"""Acts as the protocol writes them. The text is put together by hand: ids of any length stay digits, and an image is
encoded once, straight into the answer.
"""

import binascii
import json
from collections.abc import Iterable, Iterator, Sequence

from acts_app.acts_store import Act


def quoted(value: str) -> str:
    """A JSON string."""
    return json.dumps(value, ensure_ascii=False)


def act_json(act: Act, image: bytes) -> bytes:
    """One act with exactly the protocol's seven fields."""
    head = (
        f'{{"actId":{act.id},"username":{quoted(act.username)},"timestamp":"{act.timestamp}",'
        f'"caption":{quoted(act.caption)},"upvotes":{act.upvotes},"categoryName":{quoted(act.category)},"imgB64":"'
    )
    return b"".join((head.encode(), binascii.b2a_base64(image, newline=False), b'"}'))


def members(acts: Sequence[Act], images: Sequence[bytes | None]) -> list[bytes]:
    """The acts whose image is still there: one without was removed while the list was made."""
    return [act_json(act, image) for act, image in zip(acts, images, strict=True) if image is not None]


def joined(acts: Sequence[Act], images: Sequence[bytes | None]) -> bytes:
    """The whole list."""
    return b"[" + b",".join(members(acts, images)) + b"]"


def streamed(batches: Iterable[tuple[Sequence[Act], Sequence[bytes | None]]]) -> Iterator[bytes]:
    """The list, batch by batch."""
    between = b"["
    for acts, images in batches:
        for member in members(acts, images):
            yield between + member
            between = b","
    yield b"[]" if between == b"[" else b"]"
