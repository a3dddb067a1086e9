"""Invite codes: making, using, taking back."""

import re

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.reply import Block, Lines, Message, Reply, Text, Time
from bridge.contacts import invites
from bridge.contacts.model import ContactLimits
from bridge.contacts.service import Contacts
from bridge.errors import UserError

_GROUP = "contacts"
_HOUR_MS = 3600 * 1000
_EXPIRY = re.compile(r"(?P<count>[0-9]{1,4})\s*(?P<unit>h|d|w|小时|天|周)")
_UNITS = {"h": 1, "小时": 1, "d": 24, "天": 24, "w": 168, "周": 168}
_DEFAULT_HOURS = 7 * 24


class _Commands:
    def __init__(self, contacts: Contacts, limits: ContactLimits) -> None:
        self._contacts = contacts
        self._limits = limits

    def new(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        uses = int(request.args.get("uses", 1))
        if uses > self._limits.invite_uses:
            raise UserError("invite-uses", limit=self._limits.invite_uses)
        hours = _hours(request.args.get("expiry", ""))
        if hours is None or hours > self._limits.invite_days * 24:
            raise UserError("invite-expiry", days=self._limits.invite_days)
        invites.forget_old(tx)
        if len(invites.valid(tx, person.id)) >= self._limits.invites:
            raise UserError("invite-limit", limit=self._limits.invites)
        code = invites.new_code()
        expires_at = tx.now + hours * _HOUR_MS
        invites.create(tx, person.id, code, uses, expires_at)
        return Reply.text("invite-new", code=code, uses=uses, time=Time(expires_at))

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
        return Reply.text(
            "friend-new", user=self._contacts.use_invite(request.tx, request.person, request.args["code"])
        )

    def revoke(self, request: Request) -> Reply:
        done = invites.revoke(request.tx, request.person.id, request.args["code"])
        return Reply.text("invite-revoked" if done else "invite-not-yours")


def _hours(text: str) -> int | None:
    if not text.strip():
        return _DEFAULT_HOURS
    match = _EXPIRY.fullmatch(text.strip().casefold())
    hours = int(match["count"]) * _UNITS[match["unit"]] if match else 0
    return hours or None


def build(contacts: Contacts, limits: ContactLimits) -> list[Command]:
    do = _Commands(contacts, limits)
    code = Param("code", (Kind.WORD,))
    return [
        Command(
            "invite new",
            (Param("uses", (Kind.NUMBER,), required=False), Param("expiry", (Kind.REST,), required=False)),
            do.new,
            group=_GROUP,
        ),
        Command("invites", (), do.listed, effect=False, group=_GROUP),
        Command("invite revoke", (code,), do.revoke, group=_GROUP),
        Command("invite", (code,), do.use, group=_GROUP),
    ]
