"""What an export holds of somebody's moments, and of what they said and liked elsewhere: the port `Exporter`."""

from collections.abc import Sequence
from html import escape
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.render import render_written
from bridge.chat.reply import Text, Time
from bridge.contacts.audiences import described
from bridge.contacts.exporting import audience, media_name, mimetype, size_of
from bridge.contacts.names import enumeration, own_labels
from bridge.contacts.tags import by_ids
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.moments import (
    archive_ids,
    defaults,
    drafts,
    export_polls,
    kept_comments,
    notify,
    picture_store,
    responders,
    responses,
)
from bridge.moments import store as moments
from bridge.moments.face import place as where
from bridge.moments.items import Items
from bridge.moments.model import Comment, Moment, Position
from bridge.moments.picture_store import Described
from bridge.privacy import Audience, export_page
from bridge.privacy.exporter import AS2, ExportFile, ExportMedia, Piece, Say, activity, document, stamp, table, uri

FORMAT = "courtyard moments 1"
_PAGE = 25
"""Moments of one file, and of one transaction."""
_RESPONSES = 200
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
                return _comments(tx, person, after, say)
            case "likes":
                return _likes(tx, person, after, say)
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
            "orderedItems": [_create(person.user_id, one) for one, _ in shown],
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
            "content": _html(moment.text),
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
                "content": _html(comment.text),
                "source": {"content": comment.text, "mediaType": "text/markdown"},
            }
            for comment in comments
            if comment.writer in self._users
        ]
        return {"type": "Collection", "totalItems": len(items), "items": items}


def picture_value(one: Described, name: str, media: list[ExportMedia], above: str = "../") -> dict[str, Any]:
    """A picture as ActivityStreams; what has to be fetched for it goes to `media`. `above`: leads to the top."""
    where = media_name(name, one.picture.info)
    media.append(ExportMedia(where, one.picture.file, size_of(one.picture.info)))
    value: dict[str, Any] = {"type": "Image", "mediaType": mimetype(one.picture.info), "url": f"{above}{where}"}
    for ours, theirs in (("w", "width"), ("h", "height")):
        side = one.picture.info.get(ours)
        if isinstance(side, int):
            value[theirs] = side
    if one.alt:
        value["name"] = one.alt
    return value


def _html(markdown: str) -> str:
    """What was written as HTML, as ActivityStreams has it."""
    rendered = render_written(markdown)
    return escape(markdown, quote=False) if rendered is None else rendered


def _create(author: UserId, note: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Create",
        "actor": uri(author),
        "published": note["published"],
        "to": note["to"],
        "object": note,
    }


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


# --- what one said and liked elsewhere ------------------------------------------------------------------------
def _comments(tx: Tx, person: Person, after: Any, say: Say) -> Piece:
    """Of one's comments those that one can see oneself: about the others, it must not be told what became of them."""
    rows = tx.sql(
        "SELECT k.id FROM comments k JOIN moments m ON m.id = k.moment_id"
        " WHERE k.person_id = ? AND m.author_id <> ? AND k.id < ? ORDER BY k.id DESC LIMIT ?",
        (person.id, person.id, after.get("id", 2**62), _RESPONSES),
    ).scalars()
    ids = [int(i) for i in rows]
    found = [comment for one in ids if (comment := responses.comment(tx, one)) is not None]
    about = {moment.id: moment for moment in moments.with_texts(tx, sorted({c.moment_id for c in found}))}
    items = Items(tx, [person.id], {moment.author for moment in about.values()}, about.values())
    seen = [c for c in found if items.sees_response(person.id, about[c.moment_id], person.id)]
    users = user_ids(tx, {about[c.moment_id].author for c in seen})
    seen = [c for c in seen if about[c.moment_id].author in users]
    files: tuple[ExportFile, ...] = ()
    if seen:
        authors = [users[about[c.moment_id].author] for c in seen]
        files = _said(person, after["page"], seen, authors, say)
    if len(ids) == _RESPONSES:
        return Piece(files, after={"what": "comments", "page": after["page"] + bool(seen), "id": ids[-1]})
    return Piece(files, after={"what": "likes", "page": 1})


def _said(
    person: Person, page: int, comments: Sequence[Comment], authors: Sequence[UserId], say: Say
) -> tuple[ExportFile, ...]:
    title = say(Text("export-page-comments", {"page": page}))
    header = ["under_a_moment_of", "at", "text"]
    lines = [[user, stamp(c.created_at), c.text] for user, c in zip(authors, comments, strict=True)]
    value = {
        "type": "OrderedCollectionPage",
        "orderedItems": [
            _create(
                person.user_id,
                {
                    "type": "Note",
                    "attributedTo": uri(person.user_id),
                    "published": stamp(c.created_at),
                    "to": [uri(user)],
                    "content": _html(c.text),
                    "source": {"content": c.text, "mediaType": "text/markdown"},
                },
            )
            for user, c in zip(authors, comments, strict=True)
        ],
    }
    shown = export_page.page(person.language, title, [export_page.rows(header, lines)])
    return (
        ExportFile(f"comments/{page:04d}.json", activity(value)),
        ExportFile(f"lists/comments-{page:04d}.csv", table(header, lines)),
        ExportFile(f"comments/{page:04d}.html", shown, title),
    )


def _likes(tx: Tx, person: Person, after: Any, say: Say) -> Piece:
    rows = tx.sql(
        "SELECT l.moment_id, l.created_at FROM likes l JOIN moments m ON m.id = l.moment_id"
        " WHERE l.person_id = ? AND m.author_id <> ? AND l.moment_id < ? ORDER BY l.moment_id DESC LIMIT ?",
        (person.id, person.id, after.get("id", 2**62), _RESPONSES),
    ).all()
    about = {moment.id: moment for moment in moments.with_texts(tx, [row.moment_id for row in rows])}
    items = Items(tx, [person.id], {moment.author for moment in about.values()}, about.values())
    seen = [row for row in rows if items.sees_response(person.id, about[row.moment_id], person.id)]
    users = user_ids(tx, {about[row.moment_id].author for row in seen})
    header = ["a_moment_of", "posted", "liked"]
    lines = [
        [users[about[row.moment_id].author], stamp(about[row.moment_id].created_at), stamp(row.created_at)]
        for row in seen
        if about[row.moment_id].author in users
    ]
    files: tuple[ExportFile, ...] = ()
    page = after["page"]
    if lines:
        title = say(Text("export-page-likes", {"page": page}))
        files = (
            ExportFile(f"lists/likes-{page:04d}.csv", table(header, lines)),
            ExportFile(
                f"likes/{page:04d}.html",
                export_page.page(person.language, title, [export_page.rows(header, lines)]),
                title,
            ),
        )
    if len(rows) == _RESPONSES:
        ahead = {"what": "likes", "page": page + bool(lines), "id": rows[-1].moment_id}
        return Piece(files, after=ahead)
    return Piece(files, after={"what": "rest"})


# --- the rest ---------------------------------------------------------------------------------------------------
def _rest(tx: Tx, person: Person, say: Say) -> Piece:
    media: list[ExportMedia] = []
    waiting: list[dict[str, Any]] = []
    body: list[str] = [export_page.text(say(Text("export-list-drafts")), "h2")]
    for number, draft in enumerate(drafts.waiting(tx, person.id), 1):
        pictures = [
            picture_value(shot.picture, f"draft-{number}-{place}", media, "")
            for place, shot in enumerate(draft.pictures, 1)
        ]
        value: dict[str, Any] = {"text": draft.text, "audience": draft.to.to_json(), "pictures": pictures}
        if draft.warning is not None:
            value["warning"] = draft.warning
        if draft.due_at is not None:
            value["due"] = stamp(draft.due_at)
        if draft.poll:
            value["poll"] = list(draft.poll)
        if draft.place is not None:
            value["place"] = draft.place.uri
        if draft.expires is not None:
            value["expires"] = draft.expires
        if draft.responses is not None:
            value["responses"] = draft.responses
        waiting.append(value)
        body.append(f"<article>{export_page.written(draft.text)}</article>")
    kept = [[stamp(one.at), one.text] for one in kept_comments.newest(tx, person.id, _KEPT)]
    body.append(export_page.text(say(Text("export-list-kept")), "h2"))
    body.append(export_page.rows(["at", "text"], kept))
    set_ = notify.load(tx, person.id)
    modes = notify.tag_modes(tx, person.id)
    names = by_ids(tx, modes)
    value = {
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
