"""Giving events to programs on servers of their developers: a `Runtime`."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import strict_json
from bridge.miniprograms.events import Event
from bridge.miniprograms.host.outside import Door, TooLarge, failure_of
from bridge.miniprograms.program import Handled, NotNow, Program, Runtime, Trapped
from bridge.miniprograms.remote import responses, signing
from bridge.miniprograms.remote.breaker import Breakers

_SMALL = 8192
"""Bytes of an answer that are checked at once: it takes about a millisecond."""

_log = structlog.get_logger(__name__)


class Remote:
    """Asks the server of a program, once for each call. Nothing is followed, kept or tried again here.

    Args:
        door: how servers are reached.
        clock: seconds since 1970, UTC.
    """

    def __init__(
        self,
        limits: MiniProgramsConfig,
        door: Door,
        breakers: Breakers | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._door = door
        self._breakers = breakers or Breakers(5, 30.0)
        self._clock = clock

    async def handle(self, program: Program, event: Event) -> Handled:
        """See `Runtime.handle`.

        Raises:
            NotNow: the server has no answer yet, or can't be reached: the same event is to be given again.
        """
        url, seed = program.manifest.url, program.signing
        if url is None or seed is None:
            raise Trapped("failed", detail="it has no server, or no key")
        body = strict_json.dump(event.model_dump(mode="json"))
        if len(body) > self._limits.event_bytes + self._limits.fetch_bytes:
            raise Trapped("event", detail=f"{len(body)} bytes")
        server = urlsplit(url).netloc
        wait = self._breakers.enter(server)
        if wait:
            raise NotNow("paused", wait)
        try:
            status, answered = await self._post(url, signing.headers(seed, int(self._clock()), event.id, body), body)
            given = (status, answered, event, program.manifest, self._limits)
            if len(answered) <= _SMALL:
                handled = responses.read(*given)
            else:  # it may take long to check, and others should not wait for that
                handled = await asyncio.to_thread(responses.read, *given)
        except NotNow as later:
            if later.kind == "deferred":
                self._breakers.answered(server)
            elif self._breakers.failed(server):
                name = program.manifest.name
                _log.warning("the server of a mini-program does not answer", program=name, reason=str(later))
            raise
        except Trapped:
            self._breakers.answered(server)
            raise
        except BaseException:
            self._breakers.left(server)
            raise
        self._breakers.answered(server)
        return handled

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        headers = {**headers, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            return await self._door.post(url, headers, body, self._limits.remote_seconds, self._limits.answer_bytes)
        except TooLarge:
            raise Trapped("output") from None
        except Exception as error:
            raise NotNow("unreachable", detail=failure_of(error)) from None


class Runtimes:
    """Code runs here, everything else where its manifest says."""

    def __init__(self, here: Runtime, elsewhere: Runtime) -> None:
        self._here = here
        self._elsewhere = elsewhere

    async def handle(self, program: Program, event: Event) -> Handled:
        runtime = self._here if program.manifest.url is None else self._elsewhere
        return await runtime.handle(program, event)
