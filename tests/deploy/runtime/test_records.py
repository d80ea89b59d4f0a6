import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest
from small_disk import fill, small_disk

from deploy.runtime.records import Record, Records


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "containers")


def record(records, port: int = 8000, pid: int = 77) -> Record:
    return Record(port, 3, records.boot, pid, start_ticks=99)


def test_a_record_is_read_as_it_was_written(records):
    records.write(record(records))
    assert records.read(8000) == record(records)


def test_the_last_one_written_counts(records):
    records.write(record(records, pid=77))
    records.write(record(records, pid=78))
    assert records.all() == [record(records, pid=78)]


def test_all_are_listed_by_port(records):
    for port in (10000, 8001, 8000):
        records.write(record(records, port))
    assert [found.port for found in records.all()] == [8000, 8001, 10000]


def test_nobody_has_a_record_at_first(records):
    assert (records.read(8000), records.all()) == (None, [])


def test_a_record_of_another_boot_says_nothing(records):
    records.write(replace(record(records), boot="before"))
    assert records.read(8000) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"port": 8000}', '{"no": "record"}', "\x00"])
def test_a_file_that_cannot_be_understood_is_no_record(records, text):
    (records.folder / "8000.json").write_text(text)
    assert records.read(8000) is None


def test_other_files_are_left_alone(records):
    (records.folder / "notes.json").write_text("{}")
    assert records.all() == []


def test_what_is_forgotten_is_gone_and_may_be_forgotten_twice(records):
    records.write(record(records))
    for _ in range(2):
        records.forget(8000)
    assert records.read(8000) is None


def test_nothing_but_the_record_is_left_on_disk(records):
    records.write(record(records))
    assert [path.name for path in records.folder.iterdir()] == ["8000.json"]
    assert json.loads((records.folder / "8000.json").read_text()) == asdict(record(records))


def test_an_intent_has_no_process_yet(records):
    assert Record(8000, 3, records.boot).is_intent
    assert not record(records).is_intent
    assert record(records).runtime_id == "77:99"


def test_only_one_at_a_time_holds_a_port(records):
    inside: list[int] = []
    most: list[int] = []

    def hold(_: int) -> None:
        with Records(records.folder).locked(8000):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(50)))
    assert max(most) == 1


def test_different_ports_do_not_wait_for_each_other(records):
    with records.locked(8000), records.locked(8001):
        assert True


def test_on_a_full_disk_a_record_takes_the_place_of_the_one_before(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        records = Records(disk / "containers")
        records.write(replace(record(records), image="a name that is somewhat longer"))
        fill(disk)
        for pid in (78, 79):
            records.write(record(records, pid=pid))
            assert records.read(8000) == record(records, pid=pid)
        with pytest.raises(OSError, match="No space"):
            records.write(record(records, 8001))
        assert records.all() == [record(records, pid=79)]
        assert list(disk.glob("containers/*.tmp")) == []
