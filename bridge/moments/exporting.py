"""What an export holds of somebody's moments, and of what they said and liked elsewhere: the port `Exporter`."""

from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.reply import Text, Time
from bridge.contacts.audiences import described
from bridge.contacts.exporting import audience
from bridge.contacts.names import enumeration, own_labels
from bridge.contacts.tags import by_ids
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.moments import (
    archive_ids,
    defaults,
    draft_archives,
    drafts,
    export_elsewhere,
    export_polls,
    kept_comments,
    notify,
    picture_store,
    responders,
    responses,
)
from bridge.moments import store as moments
from bridge.moments.export_notes import create, html_of, picture_value
from bridge.moments.face import place as where
from bridge.moments.items import Items
from bridge.moments.model import Comment, Moment, Position
from bridge.privacy import Audience, export_page
from bridge.privacy.exporter import AS2, ExportFile, ExportMedia, Piece, Say, activity, document, stamp, table, uri

FORMAT = "courtyard moments 1"
_PAGE = 25
"""Moments of one file, and of one transaction."""
_KEPT = 2000
PAGE_NAME = "moments/{:04d}.json"


class MomentsExporter:
    """Pages of moments, the newest first; then what one said and liked elsewhere; then drafts and settings."""

    name = "moments"

    def export(self, tx: Tx, person: Person, after: Any | None, say: Say) -> Piece:
        after = after or {"what": "moments", "page": 1, "count": 0}
        match after["what"]:
            case "moments":
                return _moments(tx, person, after, say)
            case "comments":
                return export_elsewhere.said(tx, person, after, say)
            case "likes":
                return export_elsewhere.liked(tx, person, after, say)
            case _:
                return _rest(tx, person, say)


# --- moments ------------------------------------------------------------------------------------------------
def _moments(tx: Tx, person: Person, after: Any, say: Say) -> Piece:
    before = Position(after["at"], after["id"]) if "at" in after else None
    found = moments.newest_by(tx, person.id, person.id, before, None, _PAGE + 1)
    more, found = len(found) > _PAGE, found[:_PAGE]
    said = {moment.id: responses.comments_on(tx, moment.id, person.id, person.id) for moment in found}
    liked = {moment.id: responses.likers(tx, moment.id, person.id, person.id) for moment in found}
    writers = {c.writer for some in said.values() for c in some} | {one for some in liked.values() for one in some}
    items = Items(tx, [person.id], writers, found)
    seen = [moment for moment in found if items.sees(person.id, moment)]
    for moment in seen:
        said[moment.id] = [c for c in said[moment.id] if items.sees_response(person.id, moment, c.writer)]
        liked[moment.id] = [one for one in liked[moment.id] if items.sees_response(person.id, moment, one)]
    view = _View(tx, person, say, writers, archive_ids.names(tx, person.id, [moment.id for moment in seen]))
    shown = [view.moment(moment, said[moment.id], liked[moment.id]) for moment in seen]
    page, count = after["page"], after["count"] + len(seen)
    name = PAGE_NAME.format(page)
    files: list[ExportFile] = []
    if seen:
        value: dict[str, Any] = {
            "type": "OrderedCollectionPage",
            "partOf": "../outbox.json",
            "orderedItems": [create(person.user_id, one) for one, _ in shown],
        }
        if more:
            value["next"] = f"{page + 1:04d}.json"
        title = say(Text("export-page-moments", {"page": page}))
        body = [html for _, html in shown]
        links = [export_page.link(f"{page - 1:04d}.html", "←")] if page > 1 else []
        links += [export_page.link(f"{page + 1:04d}.html", "→")] if more else []
        files = [
            ExportFile(name, activity(value)),
            ExportFile(
                name.removesuffix("json") + "html",
                export_page.page(person.language, title, [*body, f"<p>{' '.join(links)}</p>"]),
                title,
            ),
        ]
    if more:
        last = found[-1].position
        # A page that is empty, since all of it was just deleted, takes no number.
        ahead = {"page": page + bool(seen), "count": count, "at": last.created_at, "id": last.id}
        return Piece(tuple(files), tuple(view.media), {"what": "moments", **ahead})
    outbox: dict[str, Any] = {"type": "OrderedCollection", "attributedTo": uri(person.user_id), "totalItems": count}
    if count:
        outbox["first"] = PAGE_NAME.format(1)
    files.append(ExportFile("outbox.json", activity(outbox)))
    return Piece(tuple(files), tuple(view.media), {"what": "comments", "page": 1})


class _View:
    """Moments of one page, as ActivityStreams and as HTML."""

    def __init__(self, tx: Tx, person: Person, say: Say, others: set[PersonId], names: dict[int, str]) -> None:
        self._tx = tx
        self._person = person
        self._say = say
        self._users = user_ids(tx, others | {person.id})
        self._labels = own_labels(tx, person.id, others | {person.id})
        self._names = names
        self.media: list[ExportMedia] = []

    def moment(self, moment: Moment, comments: list[Comment], likes: list[PersonId]) -> tuple[dict[str, Any], str]:
        tx, say = self._tx, self._say
        name = self._names[moment.id]
        note: dict[str, Any] = {
            "type": "Note",
            "id": name,
            "attributedTo": uri(self._person.user_id),
            "published": stamp(moment.created_at),
            "to": _addressees(self._person.user_id, tx, moment),
            "content": html_of(moment.text),
            "source": {"content": moment.text, "mediaType": "text/markdown"},
            "audience_rule": audience(tx, moment.to, moment.named_tags),
        }
        if moment.edited_at is not None:
            note["updated"] = stamp(moment.edited_at)
        if moment.expires_at is not None:
            note["expires"] = stamp(moment.expires_at)
        if moment.content.warning is not None:
            note |= {"summary": moment.content.warning, "sensitive": True}
        who = responders.load(tx, moment.id)
        if who is not None:
            tag = by_ids(tx, [who.tag]).get(who.tag) if who.tag is not None else None
            note["responders"] = {"tag": None if tag is None else tag.name}
        note |= export_polls.details(tx, self._person.id, moment)
        mentioned = user_ids(tx, moment.content.mentions)
        if mentioned:
            people = sorted(mentioned.values())
            note["tag"] = [{"type": "Mention", "href": uri(user), "name": user} for user in people]
        when: dict[str, Any] = {"time": Time(moment.created_at)}
        html = [export_page.text(say(Text("export-moment", when)), "h3")]
        html.append(
            export_page.text(
                say(described(tx, self._person.id, moment.to, moment.named_tags)),
                css="small",
            )
        )
        if moment.damaged:
            html.append(export_page.text(say(Text("moment-damaged"))))
        if moment.content.warning is not None:
            html.append(export_page.text(say(Text("moment-warning", {"warning": moment.content.warning})), "strong"))
        if moment.text:
            html.append(export_page.written(moment.text))
        answers = note.get("oneOf", ())
        html += [export_page.text(f"{one['name']} ({one['replies']['totalItems']})") for one in answers]
        if moment.content.place is not None:
            html.append(export_page.text(say(where(moment.content.place))))
        pictures = self._pictures(moment, name.rpartition(":")[2], html)
        if pictures:
            note["attachment"] = pictures
        if likes:
            users = [self._users[one] for one in likes if one in self._users]
            note["likes"] = {"type": "Collection", "totalItems": len(users), "items": [uri(user) for user in users]}
            who_likes = enumeration([self._labels[one] for one in likes])
            html.append(export_page.text(say(Text("export-likes", {"people": who_likes})), css="small"))
        if comments:
            note["replies"] = self._replies(name, comments)
            html += [
                export_page.text(
                    say(Text("export-comment", {"who": self._labels[c.writer], "time": Time(c.created_at)}))
                )
                + f"<blockquote>{export_page.written(c.text)}</blockquote>"
                for c in comments
            ]
        return note, f"<article>{''.join(html)}</article>"

    def _pictures(self, moment: Moment, name: str, html: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, one in enumerate(picture_store.of_moment(self._tx, moment), 1):
            if one is None:
                html.append(export_page.text(self._say(Text("picture-damaged"))))
                continue
            found.append(picture_value(one, f"{name}-{number}", self.media))
            html.append(export_page.picture(found[-1]["url"], one.alt))
        return found

    def _replies(self, name: str, comments: list[Comment]) -> dict[str, Any]:
        numbers = {comment.id: number for number, comment in enumerate(comments, 1)}
        items = [
            {
                "type": "Note",
                "id": f"{name}#{numbers[comment.id]}",
                "inReplyTo": name if comment.answer_to not in numbers else f"{name}#{numbers[comment.answer_to]}",
                "attributedTo": uri(self._users[comment.writer]),
                "published": stamp(comment.created_at),
                "content": html_of(comment.text),
                "source": {"content": comment.text, "mediaType": "text/markdown"},
            }
            for comment in comments
            if comment.writer in self._users
        ]
        return {"type": "Collection", "totalItems": len(items), "items": items}


def _addressees(author: UserId, tx: Tx, moment: Moment) -> list[str]:
    """For whom it is, in the words of ActivityStreams; `audience_rule` says it exactly."""
    to = moment.to
    own = uri(author)
    match to.kind:
        case Audience.PUBLIC:
            return [f"{AS2}#Public"]
        case Audience.FRIENDS:
            return [own, f"{own}#friends"]
        case Audience.PEOPLE:
            return [own, *(uri(user) for user in sorted(user_ids(tx, to.people - to.except_people).values()))]
        case _:
            return [own]


# --- the rest ---------------------------------------------------------------------------------------------------
def _rest(tx: Tx, person: Person, say: Say) -> Piece:
    media: list[ExportMedia] = []
    waiting: list[dict[str, Any]] = []
    body: list[str] = [export_page.text(say(Text("export-list-drafts")), "h2")]
    for number, draft in enumerate((one for one in drafts.waiting(tx, person.id) if not one.is_empty), 1):
        waiting.append(draft_archives.value(draft, number, media))
        body.append(f"<article>{export_page.written(draft.text)}</article>")
    kept = [[stamp(one.at), one.text] for one in kept_comments.newest(tx, person.id, _KEPT)]
    body.append(export_page.text(say(Text("export-list-kept")), "h2"))
    body.append(export_page.rows(["at", "text"], kept))
    set_ = notify.load(tx, person.id)
    modes = notify.tag_modes(tx, person.id)
    names = by_ids(tx, modes)
    value: dict[str, Any] = {
        "format": FORMAT,
        "post_for": defaults.load(tx, person.id).to_json(),
        "notify": {
            "mode": set_.mode.value,
            "digest_minute": set_.digest_minute,
            "quiet": None if set_.quiet is None else list(set_.quiet),
            "tags": {names[tag].name: mode.value for tag, mode in sorted(modes.items()) if tag in names},
        },
        "kept_comments": [{"at": at, "text": text} for at, text in kept],
        "votes": export_polls.votes(tx, person, _KEPT),
        "drafts": waiting,
    }
    title = say(Text("export-page-rest"))
    return Piece(
        (
            ExportFile("moments.json", document(value)),
            ExportFile("lists/kept-comments.csv", table(["at", "text"], kept)),
            ExportFile("drafts.html", export_page.page(person.language, title, body), title),
        ),
        tuple(media),
    )
