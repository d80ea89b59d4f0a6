"""What a well-formed request looks like. Pure: bodies and words in, values or a Refused (400) out.

Numbers of any length are valid in the protocol, and Python turns long digits into integers in quadratic time. So ids
stay text from the request to the store and back.
"""

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from acts_app.answers import Refused

SHA1 = re.compile(r"[0-9a-fA-F]{40}\Z")
DIGITS = re.compile(r"[0-9]+\Z")
BOUND = re.compile(r"-?[0-9]+\Z")
TIMESTAMP = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4}):([0-9]{2})-([0-9]{2})-([0-9]{2})\Z")
EPOCH = datetime(1, 1, 1)
SMALL_ENOUGH = 15  # digits; everything longer is far beyond any number of acts and is only compared
ACT_FIELDS = ("actId", "username", "timestamp", "caption", "categoryName", "imgB64")


class LongInteger(str):
    """The digits of a JSON integer, as they were sent."""

    __slots__ = ()


@dataclass(frozen=True)
class NewAct:
    """An act as somebody uploads it; `seconds` is its timestamp counted from the first day of year 1."""

    act_id: str
    username: str
    timestamp: str
    seconds: int
    caption: str
    category: str
    image: bytes


def bad(sentence: str) -> NoReturn:
    """Refuse with 400."""
    raise Refused(400, sentence)


def no_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python's parser knows them."""
    raise ValueError(f"{name} is not JSON")


def parse_json(body: bytes) -> Any:
    """The body as a value; integers come as LongInteger."""
    try:
        return json.loads(body, parse_int=LongInteger, parse_constant=no_constant)
    except (ValueError, RecursionError):
        bad("The body is not JSON.")


def text(value: Any, what: str) -> str:
    """A string that can be stored: half a surrogate pair cannot be written as UTF-8."""
    if not isinstance(value, str) or isinstance(value, LongInteger):
        bad(f"{what} must be a string.")
    try:
        value.encode()
    except UnicodeEncodeError:
        bad(f"{what} contains half of a character.")
    return value


def name(value: Any, what: str) -> str:
    """A name: text that is not empty, because an empty one could never be addressed."""
    if not text(value, what):
        bad(f"{what} must not be empty.")
    return str(value)


def user(body: Any) -> tuple[str, str]:
    """Row 1: the name, and the SHA-1 in lower case."""
    if not isinstance(body, dict) or not {"username", "password"} <= body.keys():
        bad("Send an object with username and password.")
    username, password = name(body["username"], "username"), text(body["password"], "password")
    if not SHA1.match(password):
        bad("password must be the 40 hexadecimal digits of a SHA-1.")
    return username, password.lower()


def category(body: Any) -> str:
    """Row 5."""
    if not isinstance(body, list) or len(body) != 1:
        bad("Send a list with one category name.")
    return name(body[0], "The category name")


def canonical(digits: str) -> str:
    """Digits without leading zeros, so that one number has one name."""
    return digits.lstrip("0") or "0"


def act_id_in_path(word: str) -> str | None:
    """The id that a path names; None when it is not a number, and so no act's."""
    return canonical(word) if DIGITS.match(word) else None


def new_act_id(value: Any) -> str:
    """A non-negative JSON integer."""
    digits = value.removeprefix("-") if value == "-0" else value
    if not isinstance(value, LongInteger) or not DIGITS.match(digits):
        bad("actId must be a non-negative integer.")
    return canonical(digits)


def upvoted(body: Any) -> str:
    """Row 12: an integer, or a string of digits."""
    if not isinstance(body, list) or len(body) != 1 or not isinstance(body[0], str) or not DIGITS.match(body[0]):
        bad("Send a list with one actId.")
    return canonical(body[0])


def seconds_of(timestamp: str) -> int:
    """The moment that `DD-MM-YYYY:SS-MM-HH` names, in seconds from the first day of year 1."""
    match = TIMESTAMP.match(timestamp)
    try:
        day, month, year, second, minute, hour = map(int, match.groups()) if match else (0,) * 6
        return (datetime(year, month, day, hour, minute, second) - EPOCH) // timedelta(seconds=1)
    except ValueError:
        bad("timestamp must be a real date as DD-MM-YYYY:SS-MM-HH.")


def timestamp_at(moment: datetime) -> str:
    """The inverse: how the protocol writes a moment."""
    return moment.strftime("%d-%m-") + f"{moment.year:04}" + moment.strftime(":%S-%M-%H")


def image(encoded: str) -> bytes:
    """The bytes of strictly valid base64: its own alphabet only, padded, and no stray bits behind the last byte."""
    try:
        data = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except (ValueError, binascii.Error):
        bad("imgB64 is not valid base64.")
    if binascii.b2a_base64(data, newline=False) != encoded.encode("ascii"):
        bad("imgB64 is not valid base64.")
    return data


def act(body: Any) -> NewAct:
    """Row 10, as far as the body alone can tell."""
    if not isinstance(body, dict) or not body.keys() >= set(ACT_FIELDS):
        bad(f"Send an object with {', '.join(ACT_FIELDS)}.")
    if "upvotes" in body:
        bad("upvotes cannot be set: they start at 0.")
    timestamp = text(body["timestamp"], "timestamp")
    return NewAct(
        act_id=new_act_id(body["actId"]),
        username=text(body["username"], "username"),
        timestamp=timestamp,
        seconds=seconds_of(timestamp),
        caption=text(body["caption"], "caption"),
        category=text(body["categoryName"], "categoryName"),
        image=image(text(body["imgB64"], "imgB64")),
    )


def bounds(query: Mapping[str, str]) -> tuple[int, int] | None:
    """Row 8: start and end as integers; None when neither is given. Longer numbers than any list come out clipped."""
    if "start" not in query and "end" not in query:
        return None
    words = [query.get("start", ""), query.get("end", "")]
    if not all(BOUND.match(word) for word in words):
        bad("start and end must both be integers.")
    start, end = map(clipped, words)
    return start, end


def clipped(word: str) -> int:
    """The integer, or one far outside every list where the word is too long for one."""
    sign, digits = (-1, word[1:]) if word.startswith("-") else (1, word)
    digits = canonical(digits)
    return sign * (int(digits) if len(digits) <= SMALL_ENOUGH else 10**SMALL_ENOUGH)


def check_range(start: int, end: int, size: int) -> None:
    """Row 8: the 400 first, then the 413."""
    if not 1 <= start <= end <= size:
        bad(f"The range must lie within 1 and {size}.")
    check_length(end - start + 1)


def check_length(length: int) -> None:
    """No list is longer than 100 acts."""
    if length > 100:
        raise Refused(413, "That is more than 100 acts: ask for a smaller range.")
