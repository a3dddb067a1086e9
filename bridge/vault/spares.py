"""Ids for people who come later, each with its key: who is named for the first time must not be noticed by the time."""

import threading
from collections import deque
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from bridge.errors import OperatorError
from bridge.vault.vault import Vault

log = structlog.get_logger(__name__)

SPARES = 64
"""More than anybody's quota lets them name in the time between two refills."""


class Spares:
    """A stock of ids that belong to nobody yet. Thread-safe.

    A key is durable before anything is sealed under it, which takes a commit of its own: much longer than all else
    that is done for somebody who is named. So it is done ahead. What a process that ends had in stock is left over;
    such a key opens nothing.
    """

    def __init__(self, vault: Vault, new_id: Callable[[], int], size: int = SPARES) -> None:
        self._vault = vault
        self._new_id = new_id
        self._size = size
        self._ids: deque[int] = deque()
        self._lock = threading.Lock()

    def take(self) -> int:
        """An id that was never given out; when the stock is used up, one without a key."""
        with self._lock:
            return self._ids.popleft() if self._ids else self._new_id()

    def refill(self) -> None:
        """Blocks: for a thread, never the loop. A key store that is away makes naming slower, and nothing else."""
        with self._lock:
            new = [self._new_id() for _ in range(self._size - len(self._ids))]
        try:
            self._vault.create_all(new)
        except (sa.exc.DBAPIError, OperatorError) as error:
            log.warning("keys for new people could not be made ahead; it is tried again", error=type(error).__name__)
            return
        with self._lock:
            self._ids.extend(new)
