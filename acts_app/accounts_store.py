"""Accounts in the store: who exists, and the record that a password is checked against."""

from dataclasses import dataclass

from acts_app import scripts
from acts_app.store_connection import PASSWORDS, SEQUENCE, USERS, Client, read_at_once

ANYBODY = ""  # in place of an account number: no ownership is asked for


@dataclass(frozen=True)
class Account:
    """Somebody who signed up. The number is never given twice, though the name may be, after a removal."""

    name: str
    number: str


class AccountsStore:
    """The key families USERS and PASSWORDS."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._add = client.register_script(scripts.ADD_USER)
        self._remove = client.register_script(scripts.REMOVE_USER)

    def add(self, name: str, record: str) -> bool:
        """Sign up; False when the name is taken."""
        return bool(self._add([USERS, PASSWORDS, SEQUENCE], [name, record]))

    def remove(self, name: str, by: str) -> int:
        """1, 0 when there is no such user, -1 when the account is not `by`'s. The user's acts stay."""
        return int(self._remove([USERS, PASSWORDS], [name, by]))

    def names(self) -> list[str]:
        """Everybody, in order of sign-up."""
        return [name.decode() for name in self._redis.zrange(USERS, 0, -1)]

    def find(self, name: str) -> Account | None:
        """The account that bears the name now."""
        score = self._redis.zscore(USERS, name)
        return None if score is None else Account(name, number_of(score))

    def credentials(self, name: str) -> tuple[Account, str] | None:
        """The account and its password record, of one moment."""
        score, record = read_at_once(self._redis, ("ZSCORE", USERS, name), ("HGET", PASSWORDS, name))
        return None if score is None else (Account(name, number_of(score)), record.decode())


def number_of(score: float | bytes) -> str:
    """A sorted set's score as the whole number that the scripts compare."""
    return str(int(score))
