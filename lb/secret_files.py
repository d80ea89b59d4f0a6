"""Secrets that a file holds instead of a variable: where NAME may stand, NAME_FILE may name a file.

That is how engines hand out secrets (Docker's lie in /run/secrets), and what keeps them out of the environment, which
`docker inspect` and /proc show.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import environs


def secret(env: environs.Env, name: str, default: str = "") -> str:
    """The variable, or else what the file holds that NAME_FILE names; environs.EnvError if that cannot be read."""
    given = env.str(name, "")
    file = env.str(f"{name}_FILE", "")
    return given or (content(f"{name}_FILE", file) if file else default)


def content(variable: str, file: str) -> str:
    """What the file holds, without the end of its line."""
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise environs.EnvError(f"{variable}={file}: cannot be read ({reason})") from error


def with_password(url: str, password: str) -> str:
    """The Redis URL with this password, unless it has one already."""
    parts = urlsplit(url)
    if not url or not password or parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{parts.username or ''}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc))
