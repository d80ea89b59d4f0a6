"""Secrets that a file holds instead of a variable: where NAME may stand, NAME_FILE may name a file.

That is how engines hand out secrets (Docker's lie in /run/secrets), and what keeps them out of the environment, which
`docker inspect` and /proc show.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from environs import Env, EnvError


def secret(env: Env, name: str) -> str:
    """The variable, or else what the file holds that NAME_FILE names; EnvError if that cannot be read."""
    given, file = env.str(name, ""), env.str(f"{name}_FILE", "")
    if given or not file:
        return given
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise EnvError(f"{name}_FILE={file}: cannot be read ({error.strerror})") from error


def with_password(url: str, password: str) -> str:
    """The Redis URL with this password, unless it has one already."""
    parts = urlsplit(url)
    if not url or not password or parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}"))
