"""How passwords are kept: scrypt of the SHA-1 that the protocol carries, with a salt for each account.

A record is `scrypt:N:r:p:salt:hash` (hexadecimal), so that the cost can be raised without losing anybody.
"""

import hashlib
import hmac
import re
import secrets
import threading

COST = 2**14  # N: 16 MB and about 60 ms on this project's machines; wrong log-ins are limited on top of it
BLOCK, PARALLEL = 8, 1  # r and p
MEMORY = 64 * 1024 * 1024  # bytes OpenSSL may use for one hash
AT_ONCE = threading.BoundedSemaphore(4)  # hashes at a time in this process: 64 MB, and cores stay for reading
LOOKS_LIKE_SHA1 = re.compile(r"[0-9a-fA-F]{40}\Z")


def make_record(sha1: str, cost: int = COST) -> str:
    """What is stored for an account; `sha1` in lower case."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{cost}:{BLOCK}:{PARALLEL}:{salt.hex()}:{derive(sha1, salt, cost, BLOCK, PARALLEL).hex()}"


def derive(sha1: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    """The slow hash; it lets other threads run meanwhile."""
    with AT_ONCE:
        return hashlib.scrypt(sha1.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=MEMORY)


def fits(sha1: str, record: str) -> bool:
    """Whether the record was made from this SHA-1."""
    _, cost, block, parallel, salt, expected = record.split(":")
    found = derive(sha1, bytes.fromhex(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, bytes.fromhex(expected))


def sha1_of(password: str) -> str:
    """The SHA-1 by which the protocol knows a password."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest()


def candidates(password: str) -> list[str]:
    """The SHA-1s that somebody may mean by it: that of the word, or the word itself if it looks like one."""
    hashed = sha1_of(password)
    return [password.lower(), hashed] if LOOKS_LIKE_SHA1.match(password) else [hashed]


class VerifiedBefore:
    """Credentials that were right a moment ago, so that a client's every request does not pay for scrypt.

    Nothing readable is kept: the key is an HMAC, under a secret of this process, of name, password and the record it
    was checked against. A removed or changed account has another record, and so is asked again.
    """

    def __init__(self, seconds: float = 300.0, most: int = 1024) -> None:
        self._secret = secrets.token_bytes(32)
        self._seconds = seconds  # bounds how long a stolen process memory is worth anything
        self._most = most
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def _key(self, name: str, password: str, record: str) -> bytes:
        word = "\0".join((name, password, record)).encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, word, "sha256")

    def knows(self, name: str, password: str, record: str, now: float) -> bool:
        """Whether exactly this was verified less than the lifetime ago; `now` in seconds of any steady clock."""
        with self._lock:
            return self._until.get(self._key(name, password, record), 0.0) > now

    def remember(self, name: str, password: str, record: str, now: float) -> None:
        """Keep it; the oldest is forgotten when there are too many."""
        with self._lock:
            while len(self._until) >= self._most:
                del self._until[next(iter(self._until))]
            self._until[self._key(name, password, record)] = now + self._seconds
