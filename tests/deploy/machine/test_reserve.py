"""Space is reserved behind a file's end on a real file system, and others do not get it."""

import os

import pytest
from small_disk import fill, small_disk

from deploy.machine.reserve import append_only_file, is_reserved

MEGABYTE = 1_000_000


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 8) as folder:
        yield folder


def test_the_file_keeps_its_length_and_has_room_when_the_disk_is_full(disk):
    file = disk / "appendonly.aof"
    file.write_bytes(b"begun")
    assert is_reserved(file, 2 * MEGABYTE) is True
    fill(disk)
    assert file.read_bytes() == b"begun"
    with file.open("ab", buffering=0) as appended:
        assert appended.write(b"x" * 1_900_000) == 1_900_000
    with pytest.raises(OSError, match="No space"):
        (disk / "another").write_bytes(b"x" * 5000)


def test_what_has_been_written_is_reserved_anew_while_there_is_room(disk):
    file = disk / "appendonly.aof"
    file.touch()
    for _ in range(3):
        assert is_reserved(file, MEGABYTE) is True
        with file.open("ab") as appended:
            appended.write(b"x" * MEGABYTE)
    fill(disk)
    assert is_reserved(file, MEGABYTE) is False


def test_a_full_disk_is_a_no_until_there_is_room(disk):
    file = disk / "appendonly.aof"
    file.touch()
    ballast = fill(disk)
    assert is_reserved(file, MEGABYTE) is False
    os.truncate(ballast, 0)
    assert is_reserved(file, MEGABYTE) is True


def test_the_file_of_redis_6_is_the_one_there_is(tmp_path):
    assert append_only_file(tmp_path) is None
    (tmp_path / "appendonly.aof").touch()
    assert append_only_file(tmp_path) == tmp_path / "appendonly.aof"


def test_the_file_of_redis_7_is_the_last_one_that_its_manifest_calls_incremental(tmp_path):
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    lines = ["file a.1.base.rdb seq 1 type b", "file a.1.incr.aof seq 1 type i", "file a.2.incr.aof seq 2 type i"]
    (folder / "appendonly.aof.manifest").write_text("\n".join([*lines, ""]))
    assert append_only_file(tmp_path) == folder / "a.2.incr.aof"
