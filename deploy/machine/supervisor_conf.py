"""The configuration of the process supervisor (supervisord), written from values.

Every part of the service is a program of its own. supervisord starts them, starts them again with growing delay
when they die, keeps their logs within bounds and stops them in the reverse order of their priorities.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

LOG_BYTES = "10MB"
LOG_BACKUPS = 2


@dataclass(frozen=True)
class Program:
    """One supervised process. A lower priority starts earlier and stops later; `stop_seconds` until it is killed."""

    name: str
    command: tuple[str, ...]
    priority: int
    stop_seconds: int


def render(programs: list[Program], *, control_socket: Path, logs: Path, folder: Path) -> str:
    """The whole configuration file."""
    sections = [daemon(logs, control_socket), control(control_socket)]
    sections += [section(program, logs, folder) for program in programs]
    sections.append(group(programs))
    return "\n".join(sections)


def daemon(logs: Path, control_socket: Path) -> str:
    """supervisord itself: in the foreground, because `up` is its parent."""
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={quoted(logs / 'supervisord.log')}",
        f"logfile_maxbytes={LOG_BYTES}",
        f"logfile_backups={LOG_BACKUPS}",
        f"pidfile={quoted(control_socket.with_suffix('.pid'))}",
    ]
    if os.geteuid() == 0:
        lines.append("user=root")  # said explicitly, or supervisord warns at each start
    return "\n".join([*lines, ""])


def control(control_socket: Path) -> str:
    """The control socket: `supervisorctl -c` and `up` speak through it, nobody else may."""
    return "\n".join(
        [
            "[unix_http_server]",
            f"file={quoted(control_socket)}",
            "chmod=0700",
            "",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "",
            "[supervisorctl]",
            f"serverurl=unix://{quoted(control_socket)}",
            "",
        ]
    )


def section(program: Program, logs: Path, folder: Path) -> str:
    """One program. `autostart` is off: `up` starts each when what it needs is there."""
    return "\n".join(
        [
            f"[program:{program.name}]",
            f"command={quoted(shlex.join(program.command))}",
            f"directory={quoted(folder)}",
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            # supervisord waits one second more after each failed start; a hundred of them are 84 minutes.
            "startretries=100",
            "stopsignal=TERM",
            f"stopwaitsecs={program.stop_seconds}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={quoted(logs / (program.name + '.log'))}",
            f"stdout_logfile_maxbytes={LOG_BYTES}",
            f"stdout_logfile_backups={LOG_BACKUPS}",
            f"priority={program.priority}",
            "",
        ]
    )


def group(programs: list[Program]) -> str:
    """One group of all: supervisord takes a second for each group at its own end, also when nothing runs any more."""
    listed = ",".join(program.name for program in programs)
    return f"[group:service]\nprograms={listed}\n"


def quoted(value: object) -> str:
    """supervisord expands %(name)s in every value, so a plain percent sign is doubled."""
    return str(value).replace("%", "%%")
