"""Which account the workers run under when gunicorn was started as root.

Root binds port 80; the workers, which read what strangers send, should not be root. They need nothing but
the state Redis, so they drop to an ordinary account when that account can reach it, and stay root, loudly,
when it cannot: a balancer that serves is better than one that is only safe.
"""

import os
import pwd
import socket
from typing import NamedTuple

from lb.redis_url import redis_address


class Account(NamedTuple):
    """The account for the workers (empty: no change) and a sentence that says why, empty if nothing is odd."""

    user: str
    group: int
    warning: str = ""


def worker_account(wanted: str, redis_url: str) -> Account:
    """The account to run the workers under; `wanted` is LB_USER, empty or "root" keep root."""
    unchanged = Account("", os.getegid())
    if os.geteuid() != 0 or wanted in {"", "root"}:
        return unchanged
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError:
        return unchanged._replace(warning=f"The workers stay root: there is no account {wanted} (LB_USER).")
    path = redis_address(redis_url).path
    if path and not can_reach(entry, path):
        return unchanged._replace(
            warning=f"The workers stay root: the account {wanted} (LB_USER) cannot reach {path} (REDIS_URL)."
        )
    return Account(wanted, entry.pw_gid)


def can_reach(entry: pwd.struct_passwd, path: str) -> bool:
    """Whether the account can connect to a unix socket. Tried by a child that becomes the account: no rule of
    permissions is as right as the attempt."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0
    code = 1
    try:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
        code = 0
    finally:
        os._exit(code)  # never back into the caller's story
