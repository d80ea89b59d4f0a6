"""How the shell line of a Redis in compose.yaml or stack.yaml comes out, without a container."""

import subprocess
from pathlib import Path


def said(command: list[str], folder: Path, limit: str | None) -> str:
    """The arguments that redis-server would get in a container with this limit of memory; None: no file tells it.

    `folder` stands for the container's files: cgroup, secrets and /tmp.
    """
    for name in ("redis_password", "acts_redis_password"):
        (folder / name).write_text("secret")
    if limit is not None:
        (folder / "memory.max").write_text(f"{limit}\n")
    *shell, script = command
    for path in ("/tmp", "/sys/fs/cgroup", "/run/secrets"):
        script = script.replace(f"{path}/", f"{folder}/")
    script = script.replace("$$", "$").replace("exec redis-server", "echo")
    return subprocess.run([*shell, script], check=True, capture_output=True, text=True).stdout.strip()
