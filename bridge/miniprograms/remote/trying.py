"""Asking a program's server from the tools of its developer, wherever it runs: also on this machine, without TLS."""

import asyncio
import secrets
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from yarl import URL

from bridge.config.programs import ProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms.events import Event
from bridge.miniprograms.host.outside import Door
from bridge.miniprograms.program import Handled, NotNow, Program, Trapped
from bridge.miniprograms.remote.breaker import Breakers
from bridge.miniprograms.remote.client import Remote

_NEVER = 10**9
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NearDoor(Door):
    """Leads where the developer says: their own server is nothing to be kept from."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(allowed=lambda address: True, tls=tls)

    def target(self, url: str) -> URL:
        return URL(url)


def checked(url: str) -> str:
    """An address that may be tried: https, or http on this machine.

    Raises:
        OperatorError: it is none.
    """
    try:
        parts = urlsplit(url)
        plain = parts.username is None and parts.port != 0 and "#" not in url
    except ValueError:
        plain = False
    if (
        plain
        and parts.hostname
        and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))
    ):
        return url
    raise OperatorError(f"{url}: should be an https address, or http on localhost.")


def at(program: Program, url: str | None, seed: bytes) -> Program:
    """The program, at another address than its manifest says, with the key that requests are signed with."""
    manifest = program.manifest
    if url is not None:
        manifest = manifest.model_copy(update={"url": checked(url), "main": None})
    return Program(manifest, "", seed)


class Trying:
    """A `Runtime` that waits for answers that come later.

    Conversations of the tools count their events from 1 each time, and a server gives a delivery that it knows the
    answer that it gave: so their ids get a prefix that no other run has.
    """

    def __init__(self, limits: ProgramsConfig, door: Door, clock: Callable[[], float] | None = None) -> None:
        self._prefix = f"{secrets.token_hex(6)}-"
        breakers = Breakers(_NEVER, 1.0)
        self._remote = Remote(limits, door, breakers) if clock is None else Remote(limits, door, breakers, clock)
        self._defer_s = limits.defer_minutes * 60

    async def handle(self, program: Program, event: Event) -> Handled:
        waited, event = 0.0, event.model_copy(update={"id": f"{self._prefix}{event.id}"})
        while True:
            try:
                return await self._remote.handle(program, event)
            except NotNow as later:
                if later.kind != "deferred" or later.after is None:
                    raise Trapped("unreachable", detail=str(later)) from None
                waited += later.after
                if waited > self._defer_s:
                    raise Trapped("overdue") from None
                await asyncio.sleep(later.after)
