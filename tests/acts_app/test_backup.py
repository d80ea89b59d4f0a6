"""Backup and restore, while people go on."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from acts_samples import act

from acts_app import backup as archive
from acts_app import validate
from acts_app.store import Store


@pytest.fixture
def store(redis_server: Any, redis_client: redis.Redis) -> Iterator[Store]:
    """A store with two users, two categories and 50 acts."""
    store = Store.at(redis_server.url)
    for name in ("ann", "木"):
        store.accounts.add(name, f"record of {name}")
    store.categories.add("trees", "1")
    store.categories.add("empty", "")
    for n in range(50):
        upload(store, n)
    store.acts.upvote_once("7", "1", True)
    store.acts.upvote("7")
    yield store
    store.close()


def upload(store: Store, act_id: int) -> None:
    """Upload a valid act."""
    body = validate.parse_json(json.dumps(act(act_id, caption=f"number {act_id}")).encode())
    assert store.acts.add(validate.act(body), "1") == "added"


def contents(client: redis.Redis) -> dict[str, Any]:
    """Everything in the store that a backup promises to keep."""
    binary = redis.Redis(connection_pool=client.connection_pool)
    return {key: binary.dump(key) for key in sorted(binary.scan_iter("store:*"))}


def back_up(store: Store, path: Path) -> list[tuple[int, int]]:
    """All of it."""
    return list(archive.backup(store.client, path))


def test_what_was_backed_up_comes_back_the_same(store: Store, tmp_path: Path) -> None:
    before = contents(store.client)
    assert back_up(store, tmp_path / "acts.gz")[-1] == (50, 50)
    assert archive.check(tmp_path / "acts.gz") == archive.Counts(2, 2, 50)
    archive.clear(store.client)
    assert archive.is_empty(store.client)
    assert list(archive.restore(store.client, tmp_path / "acts.gz"))[-1] == 50
    assert contents(store.client) == before


def test_a_full_store_can_still_be_backed_up(store: Store, tmp_path: Path) -> None:
    store.client.config_set("maxmemory", "1")
    try:
        back_up(store, tmp_path / "acts.gz")
    finally:
        store.client.config_set("maxmemory", "0")
    assert archive.check(tmp_path / "acts.gz").acts == 50


def test_a_backup_is_for_its_owner_alone_and_leaves_no_draft(store: Store, tmp_path: Path) -> None:
    back_up(store, tmp_path / "acts.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["acts.gz"]
    assert (tmp_path / "acts.gz").stat().st_mode & 0o777 == 0o600


def test_what_changes_meanwhile_leaves_the_backup_whole(store: Store, tmp_path: Path) -> None:
    steps = archive.backup(store.client, tmp_path / "acts.gz")
    next(steps)
    for n in range(0, 50, 2):
        store.acts.remove(str(n), "")
    upload(store, 2)
    upload(store, 100)
    list(steps)
    counts = archive.check(tmp_path / "acts.gz")
    archive.clear(store.client)
    list(archive.restore(store.client, tmp_path / "acts.gz"))
    listing = store.acts.stretch("trees", 1, 100)
    assert listing is not None
    assert listing.size == len(listing.acts) == counts.acts == store.acts.count()
    assert all(image is not None for image in store.acts.images(listing.acts))
    assert "100" not in {found.id for found in listing.acts}


def test_a_backup_under_fire_never_has_an_act_without_its_category(store: Store, tmp_path: Path) -> None:
    done = threading.Event()

    def fire() -> None:
        n = 1000
        while not done.is_set():
            store.categories.add("burning", "")
            upload(store, n)
            store.acts.remove(str(n - 5), "")
            store.categories.remove("burning", "")
            n += 1

    shooter = threading.Thread(target=fire)
    shooter.start()
    for round_ in range(5):
        back_up(store, tmp_path / f"{round_}.gz")
    done.set()
    shooter.join()
    for round_ in range(5):
        records = [json.loads(line) for line in archive.lines(tmp_path / f"{round_}.gz")]
        categories = {record["category"] for record in records if "category" in record}
        assert {record["act"]["category"] for record in records if "act" in record} <= categories


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no backup"),
        (b"plain text", "no backup"),
        (gzip.compress(b""), "no backup"),
        (gzip.compress(b'{"other": "file"}\n'), "no backup"),
        (gzip.compress(b"\xff\xfe\n"), "no backup"),
    ],
    ids=["empty", "text", "empty archive", "archive of another file", "archive of bytes"],
)
def test_what_is_no_backup_is_told_in_words(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(archive.BackupError, match=sentence):
        archive.check(tmp_path / "file")


def test_a_backup_cut_short_or_changed_is_found_out(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "acts.gz"
    back_up(store, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(archive.BackupError, match="only a part"):
        archive.check(path)
    path.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"number 7", b"number 8")))
    with pytest.raises(archive.BackupError, match="damaged"):
        archive.check(path)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-1])))
    with pytest.raises(archive.BackupError, match="only a part"):
        archive.check(path)


def test_a_folder_that_cannot_be_written_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(archive.BackupError, match="cannot be written"):
        back_up(store, tmp_path / "none" / "acts.gz")
    with pytest.raises(archive.BackupError, match="cannot be read"):
        archive.check(tmp_path / "none")
