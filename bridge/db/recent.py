"""What was written lately, as it is committed: so that it need not be written or looked for again."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """A bounded set that the loop adds to (`Tx.after_commit`) while the database's thread looks into it. When it is
    full it begins anew: what is not in it is asked of the database."""

    __slots__ = ("_items", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: set[T] = set()

    def __contains__(self, item: T) -> bool:
        return item in self._items

    def add(self, item: T) -> None:
        """It stands in the database."""
        if len(self._items) >= self._most:
            self._items.clear()
        self._items.add(item)
