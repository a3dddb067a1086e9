"""The pictures that programs show, made safe and uploaded; and the small one of a person that they may be given."""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from weakref import WeakValueDictionary

import structlog

from bridge.chat.picture import DrawnPicture, Publish, StoredPicture
from bridge.config.programs import ProgramsConfig
from bridge.contacts import qr
from bridge.errors import UserError
from bridge.miniprograms import effects
from bridge.miniprograms.events import MAX_AVATAR, Event
from bridge.miniprograms.host.fetching import Wish
from bridge.miniprograms.host.outside import Asked, Failure, Outside
from bridge.miniprograms.program import Handled
from bridge.miniprograms.ui import Picture, https_host

Redraw: TypeAlias = Callable[[bytes], Awaitable[DrawnPicture]]
"""Decodes a picture of strangers where it can do no harm, and draws it anew. It raises what it raises."""
Miniature: TypeAlias = Callable[[StoredPicture], Awaitable[bytes]]
"""A picture of somebody's profile, drawn anew and small. It raises what it raises."""
Error: TypeAlias = Failure | Literal["unreadable", "quota"]

_PICTURE_S = 30.0
_OURS = frozenset({"picture-busy", "picture-failed"})
"""What a program is not to blame for."""
_AT_ONCE = 2
"""Pictures that one program has fetched at the same time."""
_KEPT = 64
"""Small pictures that are kept ready."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Shown:
    """The pictures of one answer, by the ids of their effects."""

    there: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """`file` and `info` of the spec; what is in none of these is told in words."""
    failed: dict[str, Error] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    """Those on servers that the person has not decided about."""
    asked: list[Asked] = field(default_factory=list)
    """What servers were asked for."""


class Pictures:
    """Draws, fetches and uploads. Nothing that goes wrong with a picture raises.

    Args:
        publish: encrypts and uploads a picture; None: pictures are told in words.
        redraw: makes a picture of others safe; None: such pictures are told in words.
        outside: asks servers; None: every request is refused.
        miniature: makes small what stands in a profile; None: there is none.
    """

    def __init__(
        self,
        limits: ProgramsConfig,
        publish: Publish | None,
        redraw: Redraw | None,
        outside: Outside | None,
        miniature: Miniature | None,
    ) -> None:
        self._limits = limits
        self._publish = publish
        self._redraw = redraw
        self._outside = outside
        self._miniature = miniature
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._small: OrderedDict[str, str] = OrderedDict()

    async def shown(self, handled: Handled, program: str, wishes: Mapping[str, Wish]) -> Shown:
        """The pictures of an answer. `wishes`: what the person wants, by server of the manifest."""
        found = Shown()
        domains = [host for host, wish in wishes.items() if wish == "agreed"]
        for wanted in handled.answer.effects:
            effect = wanted.effect
            if not isinstance(effect, effects.UiSend | effects.UiUpdate) or effect.picture is None:
                continue
            wish = "agreed" if effect.picture.url is None else wishes.get(https_host(effect.picture.url) or "")
            if wish == "undecided":
                found.undecided.add(wanted.id)
                continue
            came = await self._one(effect.picture, program, domains, found.asked) if wish == "agreed" else "refused"
            if isinstance(came, str):
                found.failed[wanted.id] = came
            elif came is not None:
                found.there[wanted.id] = came
        return found

    async def fetched(self, url: str, program: str, domains: Collection[str]) -> Mapping[str, Any] | Error:
        """A picture on a server, uploaded; or why not."""
        came = await self._one(Picture(alt="-", url=url), program, domains, [])
        return "unreachable" if came is None else came

    async def _one(
        self, picture: Picture, program: str, domains: Collection[str], asked: list[Asked]
    ) -> Mapping[str, Any] | Error | None:
        """`file` and `info`, or why there is none; None: that is not the program's fault."""
        try:
            async with asyncio.timeout(_PICTURE_S):
                drawn = await self._drawn(picture, program, domains, asked)
                if not isinstance(drawn, DrawnPicture) or self._publish is None:
                    return drawn if isinstance(drawn, str) else None
                stored = await self._publish(drawn)
                return {"file": dict(stored.file), "info": dict(stored.image_info())}
        except UserError as error:
            log.info("a picture of a mini-program could not be shown", error=error.message_id)
            return None if error.message_id in _OURS else "unreadable"
        except TimeoutError:
            return "timeout" if picture.url is not None else None
        except Exception as error:
            log.info("a picture of a mini-program could not be shown", error=type(error).__name__)
            return None

    async def _drawn(
        self, picture: Picture, program: str, domains: Collection[str], asked: list[Asked]
    ) -> DrawnPicture | Error | None:
        if picture.qr is not None:
            return None if self._publish is None else await asyncio.to_thread(qr.draw, picture.qr, "")
        if self._redraw is None or self._publish is None:
            return None
        if picture.url is None:
            return await self._redraw(picture.bytes)
        if self._outside is None or not self._limits.fetch:
            return "refused"
        turn = self._turns.setdefault(program, asyncio.Semaphore(_AT_ONCE))
        async with turn:
            request = Asked(picture.url, "GET", {}, None)
            asked.append(request)
            came = await self._outside.ask(request, domains, self._limits.picture_bytes)
        if came.error is not None:
            return came.error
        return "unreadable" if came.status != 200 else await self._redraw(came.raw)

    async def with_avatar(self, event: Event, avatar: StoredPicture | None) -> Event:
        """The event, with the person's picture in their profile, if there is one for it."""
        small = None if avatar is None else await self._base64(avatar)
        if small is None:
            return event
        return with_profile(event, {"avatar": small})

    async def _base64(self, avatar: StoredPicture) -> str | None:
        key = str(avatar.file.get("url"))
        known = self._small.get(key)
        if known is not None:
            self._small.move_to_end(key)
            return known
        if self._miniature is None:
            return None
        try:
            async with asyncio.timeout(_PICTURE_S):
                text = base64.b64encode(await self._miniature(avatar)).decode("ascii")
        except Exception as error:
            log.info("a picture of a profile could not be made small", error=type(error).__name__)
            return None
        if len(text) > MAX_AVATAR:
            return None
        self._small[key] = text
        while len(self._small) > _KEPT:
            self._small.popitem(last=False)
        return text


def servers(handled: Handled) -> frozenset[str]:
    """The servers whose pictures an answer wants to show."""
    return frozenset(
        https_host(wanted.effect.picture.url) or ""
        for wanted in handled.answer.effects
        if isinstance(wanted.effect, effects.UiSend | effects.UiUpdate)
        and wanted.effect.picture is not None
        and wanted.effect.picture.url is not None
    )


def without_avatar(event: Event) -> Event:
    """The event with the picture left out: it is shown nowhere as letters."""
    if "avatar" not in event.user.profile:
        return event
    return with_profile(event, {"avatar": "…"})


def with_profile(event: Event, fields: Mapping[str, str]) -> Event:
    """The event, with these fields in the person's profile."""
    user = event.user.model_copy(update={"profile": {**event.user.profile, **fields}})
    return event.model_copy(update={"user": user})
