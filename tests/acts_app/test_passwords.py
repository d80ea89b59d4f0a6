"""Passwords at rest, and the memory of what was verified."""

from acts_samples import SHA1

from acts_app.passwords import VerifiedBefore, candidates, fits, make_record


def test_a_record_fits_its_own_password_only() -> None:
    record = make_record(SHA1)
    assert fits(SHA1, record)
    assert not fits("0" * 40, record)


def test_two_accounts_with_one_password_have_different_records() -> None:
    assert make_record(SHA1, 16) != make_record(SHA1, 16)


def test_a_record_of_another_cost_still_fits() -> None:
    assert fits(SHA1, make_record(SHA1, 16))


def test_a_word_that_looks_like_a_sha1_may_be_either() -> None:
    assert candidates("test") == [SHA1]
    assert candidates(SHA1.upper())[0] == SHA1
    assert len(candidates(SHA1)) == 2


def test_what_was_verified_is_known_until_its_time_is_over() -> None:
    verified = VerifiedBefore(seconds=10)
    verified.remember("ann", "test", "record", 100.0)
    assert verified.knows("ann", "test", "record", 109.9)
    assert not verified.knows("ann", "test", "record", 110.0)


def test_another_password_or_record_is_not_known() -> None:
    verified = VerifiedBefore()
    verified.remember("ann", "test", "record", 0.0)
    known = [
        verified.knows(*words, 1.0)
        for words in (("ann", "x", "record"), ("ann", "test", "new"), ("a", "nntest", "record"))
    ]
    assert known == [False, False, False]


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    verified = VerifiedBefore(most=2)
    for name in ("ann", "bob", "eve"):
        verified.remember(name, "p", "r", 0.0)
    assert [verified.knows(name, "p", "r", 1.0) for name in ("ann", "bob", "eve")] == [False, True, True]
