"""What an export holds of somebody's friends, tags, decisions and profile: the port `Exporter`."""

from collections.abc import Iterable
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import invites, profiles, store, tags
from bridge.contacts.model import BIO, NAME
from bridge.contacts.profile_commands import field_name
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.privacy import Addressed, Audience, RequestItem, export_page, field_rules, load_world, may_see
from bridge.privacy.exporter import ExportFile, ExportMedia, Piece, Say, activity, document, stamp, table, uri

FORMAT = "courtyard contacts 1"
_MOST_REQUESTS = 100


class ContactsExporter:
    """Two pieces: people, then the profile."""

    name = "contacts"

    def export(self, tx: Tx, person: Person, after: Any | None, say: Say) -> Piece:
        return self._people(tx, person, say) if after is None else self._profile(tx, person, say)

    def _people(self, tx: Tx, person: Person, say: Say) -> Piece:
        friends = store.friends_of(tx, person.id)
        since = {
            PersonId(row.friend_id): int(row.since)
            for row in tx.sql("SELECT friend_id, since FROM friendships WHERE person_id = ?", (person.id,))
        }
        own_tags = tags.every(tx, person.id)
        members = {tag.id: tags.members(tx, [tag.id]) for tag in own_tags}
        decided = tx.sql(
            "SELECT other_id, blocked, chats_only, shut_out, hidden FROM stances WHERE person_id = ?", (person.id,)
        ).all()
        users = user_ids(tx, {PersonId(row.other_id) for row in decided}.union(*members.values()))
        people = []
        for row in decided:
            other = PersonId(row.other_id)
            kept = store.remark(tx, person.id, other)
            flags = {name: bool(getattr(row, name)) for name in store.STANCES}
            if other in users and (kept or any(flags.values())):
                people.append({"user": users[other], "name": kept.get("name"), "note": kept.get("note"), **flags})
        people.sort(key=lambda one: str(one["user"]))
        tagged: list[dict[str, Any]] = [
            {
                "name": tag.name,
                "shut_out": tag.shut_out,
                "members": sorted(users[one] for one in members[tag.id] if one in users),
            }
            for tag in own_tags
        ]
        listed = [{"user": friend.user_id, "since": stamp(since[friend.id])} for friend in friends]
        codes = invites.valid(tx, person.id)
        asked = self._requests(tx, person)
        value = {"format": FORMAT, "friends": listed, "people": people, "tags": tagged}
        lists: list[tuple[str, list[str], list[list[object]]]] = [
            ("friends", ["user", "since"], [[one["user"], one["since"]] for one in listed]),
            ("tags", ["tag", "user"], [[one["name"], user] for one in tagged for user in one["members"] or [""]]),
            ("remarks", ["user", "name", "note"], [[p["user"], p["name"], p["note"]] for p in people if _noted(p)]),
            (
                "decisions",
                ["user", *store.STANCES],
                [[p["user"], *("yes" if p[n] else "" for n in store.STANCES)] for p in people if _decided(p)],
            ),
            ("requests", ["user", "note", "at"], [[user, note, stamp(at)] for user, note, at in asked]),
            ("invites", ["code", "uses_left", "until"], [[c.code, c.uses_left, stamp(c.expires_at)] for c in codes]),
        ]
        title = say(Text("export-page-contacts"))
        body: list[str] = []
        for name, header, lines in lists:
            body.append(export_page.text(say(Text(f"export-list-{name}")), "h2"))
            body.append(export_page.rows(header, lines))
        return Piece(
            (
                ExportFile("contacts.json", document(value)),
                *(ExportFile(f"lists/{name}.csv", table(header, lines)) for name, header, lines in lists),
                ExportFile("contacts.html", export_page.page(person.language, title, body), title),
            ),
            after="profile",
        )

    @staticmethod
    def _requests(tx: Tx, person: Person) -> list[tuple[UserId, str, int]]:
        """Open requests to the person. What they asked of others is not told: whether it still stands would tell what
        has become of those people."""
        found = store.pending_for(tx, person.id, _MOST_REQUESTS)
        world = load_world(tx, [person.id], [request.asker for request in found])
        found = [r for r in found if may_see(person.id, RequestItem(r.asker, r.asked, True), world)]
        users = user_ids(tx, [request.asker for request in found])
        return [(users[r.asker], r.note, r.created_at) for r in found if r.asker in users]

    @staticmethod
    def _profile(tx: Tx, person: Person, say: Say) -> Piece:
        actor: dict[str, Any] = {
            "type": "Person",
            "id": uri(person.user_id),
            "name": person.user_id,
            "outbox": "outbox.json",
            "fields": [],
        }
        media: list[ExportMedia] = []
        body: list[str] = [export_page.text(person.user_id, css="small")]
        lines: list[list[object]] = []
        # Also for whom a field would be that is not filled in.
        rules = field_rules.load(tx, [person.id])
        unused = {name for owner, name in rules if not name.startswith("x:")}
        for one in profiles.fields(tx, person.id):
            name, free = one.field.name, one.field.free
            unused.discard(name)
            said = {"field": name, "free": free, "value": one.value, "audience": audience(tx, one.to)}
            if one.picture is not None:
                where = media_name("avatar", one.picture.info)
                media.append(ExportMedia(where, one.picture.file, size_of(one.picture.info)))
                said["media"] = where
                actor["icon"] = {"type": "Image", "url": where, "mediaType": mimetype(one.picture.info)}
                body.append(export_page.picture(where, ""))
            elif name == NAME and not free:
                actor["name"] = one.value
            elif name == BIO and not free:
                actor["summary"] = one.value
            actor["fields"].append(said)
            label = say(field_name(one.field))
            lines.append([label, one.value])
            body.append(export_page.text(f"{label}: {one.value}" if one.value else label))
        for name in sorted(unused):
            to = rules[person.id, name]
            if to.kind is not None:
                actor["fields"].append({"field": name, "free": False, "value": "", "audience": audience(tx, to)})
        title = say(Text("export-page-profile"))
        return Piece(
            (
                ExportFile("actor.json", activity(actor)),
                ExportFile("lists/profile.csv", table(["field", "value"], lines)),
                ExportFile("profile.html", export_page.page(person.language, title, body), title),
            ),
            tuple(media),
        )


def audience(tx: Tx, to: Addressed, named_tags: Iterable[int] = ()) -> dict[str, Any]:
    """An audience in names that hold elsewhere too: Matrix ids, and names of tags."""
    named = frozenset(named_tags)
    by_id = tags.by_ids(tx, to.all_tags | named)
    users = user_ids(tx, to.people | to.except_people)

    def names(ids: Iterable[int]) -> list[str]:
        return sorted(by_id[one].name for one in ids if one in by_id)

    def people(ids: Iterable[PersonId]) -> list[str]:
        return sorted(users[one] for one in ids if one in users)

    kind = to.kind or Audience.PRIVATE
    parts = {
        "people": people(to.people),
        "tags": names(to.tags),
        "named_tags": names(named),
        "except_people": people(to.except_people),
        "except_tags": names(to.except_tags),
    }
    return {"kind": kind.value, **{name: value for name, value in parts.items() if value}}


_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


def mimetype(info: Any) -> str:
    kind = info.get("mimetype")
    return kind if kind in _ENDINGS else "application/octet-stream"


def media_name(name: str, info: Any) -> str:
    """Where a picture stands in the archive."""
    return f"media/{name}.{_ENDINGS.get(mimetype(info), 'bin')}"


def size_of(info: Any) -> int:
    size = info.get("size")
    return size if isinstance(size, int) and size >= 0 else 0


def _noted(one: dict[str, Any]) -> bool:
    return bool(one["name"] or one["note"])


def _decided(one: dict[str, Any]) -> bool:
    return any(one[name] for name in store.STANCES)
