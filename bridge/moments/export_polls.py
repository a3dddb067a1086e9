"""What an export holds of polls and places, as far as their owner may see it."""

from collections import Counter
from typing import Any

from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import responses, store
from bridge.moments.items import Items
from bridge.moments.model import Moment
from bridge.privacy.exporter import stamp


def details(tx: Tx, author: PersonId, moment: Moment) -> dict[str, Any]:
    """The poll of one's moment (ActivityStreams: `Question`) with how many chose what, and its place."""
    value: dict[str, Any] = {}
    poll, where = moment.content.poll, moment.content.place
    if poll is not None:
        cast = responses.votes_on(tx, moment, author)
        items = Items(tx, [author], {voter for voter, _ in cast}, [moment])
        counts = Counter(answer for voter, answer in cast if items.sees_response(author, moment, voter))
        own = dict(cast).get(author)
        value["type"] = "Question"
        value["oneOf"] = [
            {
                "type": "Note",
                "name": answer,
                "replies": {"type": "Collection", "totalItems": counts[number]},
                **({"chosen": True} if own == number else {}),
            }
            for number, answer in enumerate(poll.answers)
        ]
        value["poll_closed"] = poll.closed
    if where is not None:
        value["location"] = {"type": "Place", "latitude": where.latitude, "longitude": where.longitude}
    return value


def votes(tx: Tx, person: Person, most: int) -> list[dict[str, str]]:
    """What one chose in polls of others that one may still see, the newest first."""
    rows = tx.sql(
        "SELECT v.moment_id, v.created_at FROM votes v JOIN moments m ON m.id = v.moment_id"
        " WHERE v.person_id = ? AND m.author_id <> ? ORDER BY v.id DESC LIMIT ?",
        (person.id, person.id, most),
    ).all()
    about = {moment.id: moment for moment in store.with_texts(tx, [row.moment_id for row in rows])}
    items = Items(tx, [person.id], {moment.author for moment in about.values()}, about.values())
    users = user_ids(tx, {moment.author for moment in about.values()})
    found: list[dict[str, str]] = []
    for row in rows:
        moment = about[row.moment_id]
        poll = moment.content.poll
        if poll is None or moment.author not in users or not items.sees_response(person.id, moment, person.id):
            continue
        answer = dict(responses.votes_on(tx, moment, person.id)).get(person.id)
        if answer is not None and answer < len(poll.answers):
            of = {"a_moment_of": users[moment.author], "posted": stamp(moment.created_at)}
            found.append({**of, "voted": stamp(row.created_at), "answer": poll.answers[answer]})
    return found
