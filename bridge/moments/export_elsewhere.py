"""What an export holds of what somebody said and liked under moments of others, as far as they see it themselves."""

from collections.abc import Sequence
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.db import Tx
from bridge.ids import UserId
from bridge.moments import responses
from bridge.moments import store as moments
from bridge.moments.export_notes import create, html_of
from bridge.moments.items import Items
from bridge.moments.model import Comment
from bridge.privacy import export_page
from bridge.privacy.exporter import ExportFile, Piece, Say, activity, stamp, table, uri

_AT_ONCE = 200


def said(tx: Tx, person: Person, after: Any, say: Say) -> Piece:
    """Of one's comments those that one can see oneself: about the others, it must not be told what became of them."""
    rows = tx.sql(
        "SELECT k.id FROM comments k JOIN moments m ON m.id = k.moment_id"
        " WHERE k.person_id = ? AND m.author_id <> ? AND k.id < ? ORDER BY k.id DESC LIMIT ?",
        (person.id, person.id, after.get("id", 2**62), _AT_ONCE),
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
        files = _page(person, after["page"], seen, authors, say)
    if len(ids) == _AT_ONCE:
        return Piece(files, after={"what": "comments", "page": after["page"] + bool(seen), "id": ids[-1]})
    return Piece(files, after={"what": "likes", "page": 1})


def _page(
    person: Person, page: int, comments: Sequence[Comment], authors: Sequence[UserId], say: Say
) -> tuple[ExportFile, ...]:
    title = say(Text("export-page-comments", {"page": page}))
    header = ["under_a_moment_of", "at", "text"]
    lines = [[user, stamp(c.created_at), c.text] for user, c in zip(authors, comments, strict=True)]
    value = {
        "type": "OrderedCollectionPage",
        "orderedItems": [
            create(
                person.user_id,
                {
                    "type": "Note",
                    "attributedTo": uri(person.user_id),
                    "published": stamp(c.created_at),
                    "to": [uri(user)],
                    "content": html_of(c.text),
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


def liked(tx: Tx, person: Person, after: Any, say: Say) -> Piece:
    rows = tx.sql(
        "SELECT l.moment_id, l.created_at FROM likes l JOIN moments m ON m.id = l.moment_id"
        " WHERE l.person_id = ? AND m.author_id <> ? AND l.moment_id < ? ORDER BY l.moment_id DESC LIMIT ?",
        (person.id, person.id, after.get("id", 2**62), _AT_ONCE),
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
    if len(rows) == _AT_ONCE:
        ahead = {"what": "likes", "page": page + bool(lines), "id": rows[-1].moment_id}
        return Piece(files, after=ahead)
    return Piece(files, after={"what": "rest"})
