"""Invite codes: making, using, taking back."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.picture import Publish, StoredPicture
from bridge.chat.reply import Block, CopyRef, Lines, Message, Picture, Reply, Text, Time
from bridge.contacts import invites, qr
from bridge.contacts.model import ContactLimits
from bridge.contacts.service import INVITED_COPY, Contacts
from bridge.db import Tx, media
from bridge.errors import UserError
from bridge.ids import UserId

_GROUP = "contacts"
_HOUR_MS = 3600 * 1000
_EXPIRY = re.compile(r"(?P<count>[0-9]{1,4})\s*(?P<unit>h|d|w|小时|天|周)")
_UNITS = {"h": 1, "小时": 1, "d": 24, "天": 24, "w": 168, "周": 168}
_DEFAULT_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class _Poster:
    """A code that is not valid yet, and the picture of it."""

    code: str
    picture: StoredPicture


class _Commands:
    def __init__(self, contacts: Contacts, limits: ContactLimits, bot: UserId, publish: Publish | None) -> None:
        self._contacts = contacts
        self._limits = limits
        self._link = f"https://matrix.to/#/{quote(bot, safe='@:')}"
        self._publish = publish

    def prepare(self, tx: Tx, person: Person, args: Mapping[str, Any]) -> Callable[[], Awaitable[_Poster]] | None:
        """Draw a code and upload the picture. What the QR code leads to is the chat; the code is to be typed there."""
        self._terms(tx, person, args)
        publish = self._publish
        if publish is None:
            return None

        async def work() -> _Poster:
            code = invites.new_code()
            drawn = await asyncio.to_thread(qr.draw, self._link, f"invite {code}")
            return _Poster(code, await publish(drawn))

        return work

    def new(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        uses, hours = self._terms(tx, person, request.args)
        invites.forget_old(tx)
        poster = request.prepared if isinstance(request.prepared, _Poster) else None
        code = invites.new_code() if poster is None else poster.code
        expires_at = tx.now + hours * _HOUR_MS
        invite_id = invites.create(tx, person.id, code, uses, expires_at)
        blocks = (
            Text("invite-new", {"code": code, "uses": uses, "time": Time(expires_at)}),
            Text("invite-new-howto" if poster is None else "invite-new-scan", {"link": self._link}),
        )
        picture = None
        if poster is not None:
            media.hold(tx, media.INVITE, invite_id, poster.picture.files)
            picture = Picture(poster.picture.file, poster.picture.image_info(), "invite.png")
        return Reply((Message(blocks, picture=picture),))

    def _terms(self, tx: Tx, person: Person, args: Mapping[str, Any]) -> tuple[int, int]:
        """How often and for how many hours a new code works.

        Raises:
            UserError: it can't be that much, or there are too many codes.
        """
        uses = int(args.get("uses", 1))
        if uses > self._limits.invite_uses:
            raise UserError("invite-uses", limit=self._limits.invite_uses)
        hours = _hours(args.get("expiry", ""))
        if hours is None or hours > self._limits.invite_days * 24:
            raise UserError("invite-expiry", days=self._limits.invite_days)
        if len(invites.valid(tx, person.id)) >= self._limits.invites:
            raise UserError("invite-limit", limit=self._limits.invites)
        return uses, hours

    def listed(self, request: Request) -> Reply:
        valid = invites.valid(request.tx, request.person.id)
        if not valid:
            return Reply.text("invites-none")
        lines = tuple(
            Text("invite-line", {"code": one.code, "uses": one.uses_left, "time": Time(one.expires_at)})
            for one in valid
        )
        blocks: list[Block] = [Text("invites-head"), Lines(lines), Text("invites-howto")]
        return Reply((Message(tuple(blocks)),))

    def use(self, request: Request) -> Reply:
        # Of whom the code is, the answer tells first: it is a copy, so that nobody learns it once they parted again.
        owner = self._contacts.use_invite(request.tx, request.person, request.args["code"])
        return Reply((CopyRef(INVITED_COPY, owner),))

    def revoke(self, request: Request) -> Reply:
        done = invites.revoke(request.tx, request.person.id, request.args["code"])
        return Reply.text("invite-revoked" if done else "invite-not-yours")


def _hours(text: str) -> int | None:
    if not text.strip():
        return _DEFAULT_HOURS
    match = _EXPIRY.fullmatch(text.strip().casefold())
    hours = int(match["count"]) * _UNITS[match["unit"]] if match else 0
    return hours or None


def build(contacts: Contacts, limits: ContactLimits, bot: UserId, publish: Publish | None) -> list[Command]:
    do = _Commands(contacts, limits, bot, publish)
    code = Param("code", (Kind.WORD,))
    return [
        Command(
            "invite new",
            (Param("uses", (Kind.NUMBER,), required=False), Param("expiry", (Kind.REST,), required=False)),
            do.new,
            group=_GROUP,
            prepare=do.prepare,
        ),
        Command("invites", (), do.listed, effect=False, group=_GROUP),
        Command("invite revoke", (code,), do.revoke, group=_GROUP),
        Command("invite", (code,), do.use, group=_GROUP),
    ]
