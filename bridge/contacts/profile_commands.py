"""Profiles: showing and filling in."""

from collections.abc import Sequence

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.people import People, user_ids
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import Block, CopyRef, Message, Picture, Reply, Text, Written
from bridge.contacts import profiles, store
from bridge.contacts.changes import PROFILE, Changes
from bridge.contacts.model import AVATAR, LONG_FIELDS, NAME, ContactLimits, Field, cleaned, one_line
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId, UserId
from bridge.privacy import AccountItem, load_world, may_see

_GROUP = "contacts"


class _Commands:
    def __init__(self, people: People, changes: Changes, limits: ContactLimits) -> None:
        self._people = people
        self._changes = changes
        self._limits = limits

    def show(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        user: UserId = request.args.get("user", person.user_id)
        there = is_there(tx, person.id, person.id if user == person.user_id else self._people.named(tx, user))
        owner = self._people.known(tx, user) if there else None
        if owner is None:
            raise UserError("profile-none", user=user)
        return Reply((CopyRef(PROFILE, owner.id),))

    def fill_in(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        word: str = request.args["field"]
        field = Field.of(word)
        if field is None:
            raise UserError("profile-field-unknown", field=word)
        if field.name == AVATAR:
            return self._avatar(request, field)
        if request.prepared is not None:
            raise UserError("profile-no-picture")
        given = request.args.get("value", "")
        value = cleaned(given) if field.name in LONG_FIELDS else one_line(given)
        limit = self._limit(field)
        if len(value) > limit:
            raise UserError("profile-too-long", limit=limit)
        new = field.free and value and not profiles.has(tx, person.id, field)
        if new and profiles.count_free(tx, person.id) >= self._limits.free_fields:
            raise UserError("profile-too-many", limit=self._limits.free_fields)
        # Copies that show what was there before are taken back: an old number is no less personal than the new one.
        self._changes.make_profile(tx, person.id, lambda: profiles.store(tx, person.id, field, value))
        return Reply.text("profile-set" if value else "profile-cleared", field=field_name(field))

    def _avatar(self, request: Request, field: Field) -> Reply:
        tx, person, picture = request.tx, request.person, request.prepared
        if isinstance(picture, StoredPicture):
            self._changes.make_profile(tx, person.id, lambda: profiles.store_avatar(tx, person.id, picture))
            return Reply.text("profile-set", field=field_name(field))
        if request.args.get("value"):
            raise UserError("profile-needs-picture")
        self._changes.make_profile(tx, person.id, lambda: profiles.store(tx, person.id, field, ""))
        return Reply.text("profile-cleared", field=field_name(field))

    def _limit(self, field: Field) -> int:
        if field.name == NAME:
            return self._limits.name
        return self._limits.bio if field.name in LONG_FIELDS else self._limits.field


def is_there(tx: Tx, viewer: PersonId, owner: PersonId) -> bool:
    """Whether there is anything of a profile for `viewer`, be it the fact that its owner is here."""
    world = load_world(tx, [viewer, owner], [])
    return bool(may_see(viewer, AccountItem(owner), world)) or bool(profiles.visible(tx, viewer, owner, world))


def field_name(field: Field) -> Text:
    """What a field is called in the reader's language; a free one by its own name."""
    return Text("field-free", {"name": field.name}) if field.free else Text(f"field-{field.name}")


def render(tx: Tx, reader: Person, ref_id: int) -> Message | None:
    """The renderer of the copies of profiles."""
    owner = PersonId(ref_id)
    user = user_ids(tx, [owner]).get(owner)
    if user is None or not is_there(tx, reader.id, owner):
        return None
    blocks, picture = profile_blocks(tx, reader.id, owner, user, profiles.visible(tx, reader.id, owner))
    return Message(tuple(blocks), CopyRef(PROFILE, ref_id), picture)


def profile_blocks(
    tx: Tx, reader: PersonId, owner: PersonId, user: UserId, fields: list[profiles.Filled]
) -> tuple[list[Block], Picture | None]:
    """How these fields of a profile are shown to `reader`, with what `reader` keeps about its owner."""
    blocks, picture = field_blocks(user, fields, "profile-empty")
    if reader == owner:
        if profiles.damaged(tx, owner):
            blocks.append(Text("profile-damaged"))
        blocks.append(Text("profile-howto"))
    else:
        kept = store.remark(tx, reader, owner)
        if store.is_remark_damaged(tx, reader, owner):
            blocks.append(Text("remark-damaged"))
        if kept.get("name"):
            blocks.append(Text("remark-shown", {"name": kept["name"]}))
        if kept.get("note"):
            blocks.append(Text("note-shown", {"note": kept["note"]}))
    return blocks, picture


def field_blocks(user: UserId, fields: Sequence[profiles.Filled], empty: str) -> tuple[list[Block], Picture | None]:
    """How these fields are shown to anybody. `empty`: the text that stands there when there is none."""
    blocks: list[Block] = [Text("profile-head", {"user": user})]
    picture: Picture | None = None
    for one in fields:
        if one.picture is not None:
            picture = Picture(one.picture.file, one.picture.image_info())
        elif one.field.name in LONG_FIELDS and not one.field.free:
            blocks.append(Written(one.value))
        else:
            label = field_name(one.field) if one.field.free else Text(f"label-{one.field.name}")
            blocks.append(Text("profile-line", {"field": label, "value": one.value}))
    if not fields:
        blocks.append(Text(empty))
    return blocks, picture


def build(people: People, changes: Changes, limits: ContactLimits) -> list[Command]:
    do = _Commands(people, changes, limits)
    return [
        Command("profile", (Param("user", (Kind.USER,), required=False),), do.show, effect=False, group=_GROUP),
        Command(
            "profile set",
            (Param("field", (Kind.WORD,)), Param("value", (Kind.REST,), required=False)),
            do.fill_in,
            group=_GROUP,
            picture=True,
        ),
    ]
