"""The `stat` of a container: 1 while it serves, 0 from `_crash` on, and then every request gets 500.

It lives in one process's memory on purpose: a crashed container is cured by starting it again and by nothing else.
"""


class Stat:
    """Goes from 1 to 0, once."""

    def __init__(self) -> None:
        self.value = 1

    @property
    def crashed(self) -> bool:
        """Whether the container has crashed."""
        return self.value == 0

    def crash(self) -> None:
        """From now on, nothing works."""
        self.value = 0
