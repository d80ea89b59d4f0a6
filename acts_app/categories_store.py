"""Categories in the store. Their sizes are the lengths of their lists, so no counter can drift."""

from acts_app import scripts
from acts_app.store_connection import ACTS, CATEGORIES, CATEGORY, FOUNDERS, OF_ONE_ACT, SEQUENCE, Client, read_at_once


class CategoriesStore:
    """The key families CATEGORIES and FOUNDERS, and with a removal the acts below."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._add = client.register_script(scripts.ADD_CATEGORY)
        self._remove = client.register_script(scripts.REMOVE_CATEGORY)
        self._sizes = client.register_script(scripts.CATEGORY_SIZES)

    def add(self, name: str, by: str) -> bool:
        """Add a category; False when it exists. `by` is the founder's account number, or ANYBODY."""
        return bool(self._add([CATEGORIES, FOUNDERS, SEQUENCE], [name, by]))

    def remove(self, name: str, by: str) -> int:
        """1, 0 when there is no such category, -1 when `by` did not add it. Its acts go with it."""
        keys = [CATEGORIES, FOUNDERS, CATEGORY + name, ACTS]
        return int(self._remove(keys, [name, by, *OF_ONE_ACT]))

    def sizes(self) -> dict[str, int]:
        """Every category with its number of acts, in order of creation."""
        flat = self._sizes([CATEGORIES], [CATEGORY])
        return {name.decode(): size for name, size in zip(flat[::2], flat[1::2], strict=True)}

    def size(self, name: str) -> int | None:
        """The number of acts; None for an unknown category."""
        known, size = read_at_once(self._redis, ("ZSCORE", CATEGORIES, name), ("ZCARD", CATEGORY + name))
        return None if known is None else int(size)
