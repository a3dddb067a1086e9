"""What a program on a server has to stand beside all others: requests that are not from its Courtyard, and repeats."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import strict_json
from bridge.miniprograms.events import Event
from bridge.miniprograms.host.outside import Door, failure_of
from bridge.miniprograms.program import Program
from bridge.miniprograms.remote import signing

Fault: TypeAlias = str | None
_OLD_S = 3600


class Checks:
    """Requests that the host itself would never send."""

    def __init__(self, program: Program, door: Door, limits: MiniProgramsConfig, event: Callable[[str], Event]) -> None:
        assert program.manifest.url is not None
        assert program.signing is not None
        self._url, self._seed = program.manifest.url, program.signing
        self._door = door
        self._limits = limits
        self._event = event

    def every(self) -> Mapping[str, Callable[[], Awaitable[Fault]]]:
        """Each check; what it gives is what went wrong."""
        return {
            "it takes a delivery that comes twice at once, and answers both the same": self._twice,
            "it refuses what nobody has signed": self._unsigned,
            "it refuses what a stranger has signed": self._stranger,
            "it refuses what was changed on its way": self._changed,
            "it refuses what is an hour old, and what is an hour ahead": self._old,
            "it refuses one delivery as another": self._another,
            "it refuses what is no event, and goes on": self._nonsense,
        }

    async def _twice(self) -> Fault:
        body, headers = self._signed()
        first, second = await asyncio.gather(self._send(headers, body), self._send(headers, body))
        return None if first == second else f"it answered {first[0]} and {second[0]}, or something else the second time"

    async def _unsigned(self) -> Fault:
        body, headers = self._signed()
        for given in (
            {},
            {k: v for k, v in headers.items() if k != signing.SIGNATURE},
            {**headers, signing.SIGNATURE: ""},
        ):
            fault = await self._refused(given, body)
            if fault:
                return fault
        return None

    async def _stranger(self) -> Fault:
        body, _ = self._signed()
        theirs = signing.headers(secrets.token_bytes(signing.SEED_BYTES), _now(), _delivery(), body)
        _, ours = self._signed()
        return await self._refused(theirs, body) or await self._refused(
            {**theirs, signing.KEY: ours[signing.KEY]}, body
        )

    async def _changed(self) -> Fault:
        body, headers = self._signed()
        return await self._refused(headers, body + b" ")

    async def _old(self) -> Fault:
        for shift in (-_OLD_S, _OLD_S):
            body, headers = self._signed(shift)
            fault = await self._refused(headers, body)
            if fault:
                return fault
        return None

    async def _another(self) -> Fault:
        body, headers = self._signed()
        return await self._refused({**headers, signing.DELIVERY: _delivery()}, body)

    async def _nonsense(self) -> Fault:
        for body in (b"", b"{", b"[]", b"\xff\xfe"):
            delivery = _delivery()
            status, _ = await self._send(signing.headers(self._seed, _now(), delivery, body), body)
            if status == 200:
                return f"it answered {body!r}, which is no event, with status 200"
        body, headers = self._signed()
        status, _ = await self._send(headers, body)
        return None if status in (200, 202) else f"it answered the event after that with status {status}"

    def _signed(self, shift: int = 0) -> tuple[bytes, dict[str, str]]:
        delivery = _delivery()
        body = strict_json.dump(self._event(delivery).model_dump(mode="json"))
        return body, signing.headers(self._seed, _now() + shift, delivery, body)

    async def _refused(self, headers: Mapping[str, str], body: bytes) -> Fault:
        status, _ = await self._send(headers, body)
        return None if 400 <= status < 500 else f"it answered with status {status}, not with 401"

    async def _send(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        headers = {**headers, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            return await self._door.post(
                self._url, headers, body, self._limits.remote_seconds, self._limits.answer_bytes
            )
        except Exception as error:
            return 0, failure_of(error).encode()


def _now() -> int:
    return int(time.time())


def _delivery() -> str:
    return secrets.token_hex(12)
