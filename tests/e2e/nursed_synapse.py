"""Synapse, as the nursery gives birth to it: its own code, configuration, ports and database, on another arrangement of
threads.

As in Synapse's own tests, the reactor's thread does itself what would be handed to another one: queries, which one
thread answers in turn anyway where the database is SQLite, and the encoding of answers. To hand over each of the ten
queries behind an event, and its result back, costs up to a third of all that a homeserver does.
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
from twisted.internet import threads  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.epollreactor import EPollReactor  # noqa: E402
from twisted.python.failure import Failure  # noqa: E402


def _at_once(reactor: Any, threadpool: Any, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
    """In place of `deferToThreadPool`. The result comes in a later turn of the reactor, as it would from a thread."""
    result: Any
    try:
        result = f(*args, **kwargs)
    except BaseException:
        result = Failure()  # type: ignore[no-untyped-call]
    done: Deferred[Any] = Deferred()
    reactor.callLater(0, done.callback, result)
    return done


def main() -> None:
    """What `python -m synapse.app.homeserver` does, in a child."""
    threads.deferToThreadPool = _at_once
    _reactor._install_real_reactor(EPollReactor())  # type: ignore[no-untyped-call]
    homeserver.main()
