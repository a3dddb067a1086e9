"""Synapse, as the nursery gives birth to it: its own code, configuration, ports and database, on another arrangement of
threads.

As in its own tests, what a query finds is fetched in the reactor's thread. To hand over each of the ten queries behind
an event to another thread, and its result back, costs a third of all that a homeserver does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synapse.app.complement_fork_proxied_reactor import ProxiedReactor
from twisted.internet.main import installReactor

_reactor = ProxiedReactor()
"""As in synapse.app.complement_fork_starter: it stands for the one that each child makes. One that was made before the
fork would be shared with all others."""
installReactor(_reactor)  # type: ignore[no-untyped-call]

from synapse.app import homeserver  # noqa: E402
from twisted.enterprise import adbapi  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.epollreactor import EPollReactor  # noqa: E402
from twisted.python.failure import Failure  # noqa: E402


class OneThread(adbapi.ConnectionPool):
    """One connection, as Synapse has for SQLite anyway. The result comes in a later turn, as it would from a thread."""

    def runWithConnection(self, func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        result: Any
        try:
            result = self._runWithConnection(func, *args, **kw)  # type: ignore[no-untyped-call]
        except BaseException:
            result = Failure()  # type: ignore[no-untyped-call]
        done: Deferred[Any] = Deferred()
        _reactor.callLater(0, done.callback, result)
        return done


def main() -> None:
    """What `python -m synapse.app.homeserver` does, in a child."""
    adbapi.ConnectionPool = OneThread  # type: ignore[misc]
    _reactor._install_real_reactor(EPollReactor())  # type: ignore[no-untyped-call]
    homeserver.main()
