"""Disk space kept for the next writes of the acts store, behind the end of its append-only file.

A Redis that writes to disk before each answer ends at the first write that fails, and even one that is only read from
writes now and then (what expires is noted). So the space for that is taken beforehand: where it has been reserved no
other file can get it, however fast the disk fills up. The file's length stays what it is, and Redis does not notice.
"""

import ctypes
import errno
import os
from pathlib import Path

KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of linux/falloc.h: the space is the file's, its length does not change
BLOCK = 512  # bytes, whatever the file system's own blocks are (stat(2))
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LIBC = ctypes.CDLL(None, use_errno=True)


def append_only_file(folder: Path) -> Path | None:
    """The file that the Redis of a folder appends to: the manifest names it from Redis 7 on; None before its first."""
    many = folder / "appendonlydir"
    manifest = many / "appendonly.aof.manifest"
    if manifest.is_file():
        lines = [line.split() for line in manifest.read_text().splitlines()]
        names = [words[1] for words in lines if words[0] == "file" and words[-1] == "i"]
        return many / names[-1] if names else None
    single = folder / "appendonly.aof"
    return single if single.is_file() else None


def is_reserved(path: Path, size: int) -> bool | None:
    """Have `size` bytes behind the end of a file reserved; None where the file system knows no such thing.

    Room is taken in quarters, so that this costs nothing most of the time. Raises OSError for what is no lack of room.
    """
    now = path.stat()
    if now.st_blocks * BLOCK - now.st_size >= size - size // 4:
        return True
    problem = reserve(path, now.st_size, size)
    if problem in NO_ROOM:
        return False
    return None if problem else True


def reserve(path: Path, start: int, size: int) -> int:
    """fallocate(2), which Python has only in a form that changes the length; 0, or the number of the error."""
    handle = os.open(path, os.O_WRONLY)
    try:
        done = LIBC.fallocate(handle, KEEP_SIZE, ctypes.c_long(start), ctypes.c_long(size))
        return ctypes.get_errno() if done else 0
    finally:
        os.close(handle)
