"""Taking back moments from an archive (P11): at their time, told to nobody, and for nobody who could not see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.chat.command import Person
from bridge.contacts.importing import ContactsImporter, Fitted, Origin
from bridge.contacts.store import friends_of
from bridge.db import Tx
from bridge.db.tables import comments, likes, moments
from bridge.errors import UserError
from bridge.ids import AccountId
from bridge.moments import (
    archive_ids,
    defaults,
    draft_archives,
    drafts,
    kept_comments,
    notify,
    picture_store,
    responders,
    responses,
    store,
)
from bridge.moments.audience import Said
from bridge.moments.compose import checked_poll
from bridge.moments.content import Content, Poll
from bridge.moments.model import Moment
from bridge.moments.picture_store import Described
from bridge.moments.place import Place
from bridge.moments.responders import Responders
from bridge.moments.service import Moments
from bridge.privacy import settings
from bridge.privacy.exporter import uri

_WARNING = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a moment."""

    known: bool = False
    """It is here."""
    over: bool = False
    """Its time is over, or it can't be posted here."""
    narrowed: bool = False
    """It is for fewer than it was."""

    @property
    def is_new(self) -> bool:
        return not (self.known or self.over)


def ms(time: str) -> int:
    """The time that `stamp` wrote, ms."""
    return round(datetime.fromisoformat(time).timestamp() * 1000)


class MomentsImporter:
    """All methods run inside the transaction that they are given."""

    def __init__(self, service: Moments, contacts: ContactsImporter) -> None:
        self._service = service
        self._contacts = contacts

    def look(self, tx: Tx, author: Person, note: Mapping[str, Any], here: set[str], origin: Origin) -> Taken:
        """What would become of a moment now. `here`: names of moments that were written here."""
        if note["id"] in here or archive_ids.known(tx, author.id, [note["id"]]):
            return Taken(known=True)
        if note.get("expires") is not None and ms(note["expires"]) <= tx.now:
            return Taken(over=True)
        try:
            self._service.text(note["source"]["content"], empty_ok=bool(note.get("attachment") or note.get("location")))
            _poll(note)
        except UserError:
            return Taken(over=True)
        return Taken(narrowed=self._fitted(tx, author, note, origin, planned=True).narrowed)

    def restore(
        self,
        tx: Tx,
        author: Person,
        note: Mapping[str, Any],
        pictures: Sequence[Described],
        here: set[str],
        origin: Origin,
    ) -> Taken:
        """Take a moment, unless it is here."""
        looked = self.look(tx, author, note, here, origin)
        if not looked.is_new:
            return looked
        text = note["source"]["content"]
        if not text and not pictures and not note.get("location"):
            return Taken(over=True)
        text = self._service.text(text, empty_ok=bool(pictures or note.get("location")))
        fitted = self._fitted(tx, author, note, origin)
        friends = {friend.user_id: friend.id for friend in friends_of(tx, author.id)}
        mentioned = [friends[one["name"]] for one in note.get("tag", ()) if one["name"] in friends]
        warning = note.get("summary")
        content = Content(
            text,
            None if warning is None else warning[:_WARNING],
            tuple(dict.fromkeys(mentioned)),
            _poll(note),
            _place(note),
        )
        moment_id = store.add_moment(tx, author.id, content, fitted.to, fitted.named_tags)
        created = min(ms(note["published"]), tx.now)
        edited = None if note.get("updated") is None else min(ms(note["updated"]), tx.now)
        tx.execute(sa.update(moments).where(moments.c.id == moment_id).values(created_at=created, edited_at=edited))
        archive_ids.keep(tx, author.id, moment_id, note["id"])
        moment = store.moment(tx, moment_id)
        assert moment is not None
        if self._service.needs_key(tx, author.id):
            moment = self._service.give_key(tx, moment)
        picture_store.add_pictures(tx, moment, pictures[: self._service.limits.pictures])
        if note.get("responders") is not None:
            name = note["responders"].get("tag")
            responders.save(tx, moment_id, Responders(None if name is None else self._contacts.tag(tx, author, name)))
        self._restore_own(tx, author, moment, note, created)
        if note.get("expires") is not None:
            self._service.expire(tx, moment, ms(note["expires"]))
        return looked

    def _restore_own(self, tx: Tx, author: Person, moment: Moment, note: Mapping[str, Any], created: int) -> None:
        """One's own comments, vote and like. What others said is theirs."""
        me = uri(author.user_id)
        places: dict[str, int] = {}
        said = (note.get("replies") or {}).get("items", ())
        for reply in [one for one in said if one["attributedTo"] == me][: self._service.limits.comments_each]:
            text = reply["source"]["content"][: self._service.limits.comment]
            if not text.strip():
                continue
            answer_to = places.get(reply.get("inReplyTo") or "")
            comment_id = responses.add_comment(tx, moment, author.id, text, answer_to)
            at = min(ms(reply["published"]), tx.now)
            tx.execute(sa.update(comments).where(comments.c.id == comment_id).values(created_at=at))
            if reply.get("id"):
                places[reply["id"]] = comment_id
        chosen = [number for number, answer in enumerate(note.get("oneOf") or ()) if answer.get("chosen")]
        if chosen and moment.content.poll is not None:
            responses.vote(tx, moment, author.id, chosen[0])
        if me in (note.get("likes") or {}).get("items", ()):
            tx.execute(sa.insert(likes).values(moment_id=moment.id, person_id=author.id, created_at=created, told=0))

    def _fitted(
        self, tx: Tx, author: Person, note: Mapping[str, Any], origin: Origin, *, planned: bool = False
    ) -> Fitted:
        strangers = settings.load(tx, author.id).strangers
        rule = note["audience_rule"]
        return self._contacts.fitted(tx, author, rule, origin, strangers=strangers, planned=planned)

    def missing_drafts(self, tx: Tx, person: Person, archived: Sequence[Mapping[str, Any]]) -> list[int]:
        """Which drafts of an archive, from 0, are not here."""
        return draft_archives.missing(tx, person, archived)

    def restore_draft(
        self, tx: Tx, person: Person, archived: Mapping[str, Any], pictures: Sequence[Described], account: AccountId
    ) -> bool:
        """Keep a draft, without a time at which it would be published. False: there is no room for it, or it can't be
        posted here."""
        try:
            draft = draft_archives.restored(person, account, archived, pictures[: self._service.limits.pictures])
            self._service.text(draft.text, empty_ok=bool(draft.pictures or draft.place is not None))
        except UserError:
            return False
        if drafts.count(tx, person.id) >= self._service.limits.drafts:
            return False
        drafts.add(tx, draft)
        return True

    def restore_settings(self, tx: Tx, person: Person, value: Mapping[str, Any], *, fresh: bool) -> None:
        """How one is told of moments, for whom posts are, and kept comments. What is set here stays."""
        one = (person.id,)
        set_ = value["notify"]
        if tx.sql("SELECT 1 FROM notify_settings WHERE person_id = ?", one).first() is None:
            said = notify.Notify(
                notify.Mode(set_["mode"]),
                set_["digest_minute"],
                None if set_["quiet"] is None else (set_["quiet"][0], set_["quiet"][1]),
            )
            if said != notify.Notify():
                notify.save(tx, person.id, said)
        modes = notify.tag_modes(tx, person.id)
        for name, mode in set_["tags"].items():
            tag = self._contacts.tag(tx, person, name)
            if tag is not None and tag not in modes:
                notify.set_tag_mode(tx, tag, notify.Mode(mode))
        post_for = Said.of_json(value["post_for"])
        if fresh and post_for != defaults.load(tx, person.id):
            defaults.save(tx, person.id, post_for)
        kept_comments.restore(tx, person.id, [(ms(kept["at"]), kept["text"]) for kept in value["kept_comments"]])


def _poll(note: Mapping[str, Any]) -> Poll | None:
    """Who chose what is theirs, and is not taken.

    Raises:
        UserError: these are no answers that a poll may have here.
    """
    answers = [one["name"] for one in note.get("oneOf") or ()]
    if not answers:
        return None
    kept = checked_poll("/".join(answer.replace("/", "\u2215") for answer in answers))
    return Poll(tuple(answer.replace("\u2215", "/") for answer in kept), bool(note.get("poll_closed")))


def _place(note: Mapping[str, Any]) -> Place | None:
    """As exact as it was shown: what fits on the coarse grid is no exact one."""
    said = note.get("location")
    if said is None:
        return None
    coarse = Place(said["latitude"], said["longitude"]).shown
    if (coarse.latitude, coarse.longitude) == (said["latitude"], said["longitude"]):
        return coarse
    return Place(said["latitude"], said["longitude"], exact=True).shown
