"""The files that ACTS_REDIS_URL names (CA, certificate, key), for acts containers of this machine's engine.

A container sees no file of this machine. So those that are here are mounted, read-only and one by one, and the URL
that the container gets names them as it sees them. One that is not here is left as it is said: the image may have it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from docker.types import Mount

from lb.redis_url import TLS_FILES

URL = "ACTS_REDIS_URL"
FOLDER = "/run/acts-store-tls"  # where a container finds them, each by the name of its option
GROUP_READS, OTHERS_READ = 0o040, 0o004


def named(variables: Mapping[str, str]) -> dict[str, str]:
    """The files that the URL names, by their options."""
    options = dict(parse_qsl(urlsplit(variables.get(URL, "")).query))
    return {name: options[name] for name in TLS_FILES if options.get(name)}


def here(variables: Mapping[str, str]) -> dict[str, Path]:
    """Those of them that this machine has."""
    files = {name: Path(file).absolute() for name, file in named(variables).items()}
    return {name: file for name, file in files.items() if file.is_file()}


def mounts(variables: Mapping[str, str]) -> list[Mount]:
    """What brings them into a container; an engine refuses one that it does not find, and says so."""
    return [Mount(f"{FOLDER}/{name}", str(file), type="bind", read_only=True) for name, file in here(variables).items()]


def as_inside(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with the URL as a container is to be told it."""
    files = here(variables)
    if not files:
        return dict(variables)
    parts = urlsplit(variables[URL])
    options = dict(parse_qsl(parts.query, keep_blank_values=True)) | {name: f"{FOLDER}/{name}" for name in files}
    return {**variables, URL: urlunsplit(parts._replace(query=urlencode(options, safe="/")))}


def trouble(variables: Mapping[str, str], group: int) -> str:
    """Why containers could not read one of them, and the fix; empty where they can.

    `group` is that of their account where root runs the service; anybody else runs them as himself.
    """
    try:
        files = here(variables).values()
    except OSError as error:
        return f"this account may not look at {error.filename}, which {URL} names: let it enter the folder"
    for file in files if os.geteuid() == 0 else ():
        told = file.stat()
        if not told.st_mode & OTHERS_READ and not (told.st_gid == group and told.st_mode & GROUP_READS):
            return f"containers may not read {file}, which {URL} names: chgrp {group} {file} && chmod g+r {file}"
    return ""
