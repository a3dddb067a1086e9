"""A message that posts, as a value: what follows the name of the command, and which event it is about."""

from collections.abc import Callable

from bridge.chat import grammar
from bridge.chat.command import Request
from bridge.chat.inbound import EditedMessage
from bridge.chat.registry import Found
from bridge.contacts import tags
from bridge.contacts.whom import whom
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import EventId, PersonId, UserId
from bridge.moments.audience import Called, before_bar
from bridge.moments.compose import Composed, parse_post

Find = Callable[[str], Found | None]
"""The command that a text begins with."""


def event_of(request: Request) -> EventId:
    """The event that a request is about: of an edit the one that it edits, which clients redact."""
    event = request.event
    return event.target if isinstance(event, EditedMessage) else event.origin.event_id


def edited_post(request: Request, find: Find, text: str, *, picture: bool = False) -> Composed:
    """The post that the text of a whole message says that is edited: its time may have come meanwhile.

    Raises:
        UserError: it says none, or none that is understood.
    """
    found = find(text)
    if found is None or found.command.name not in ("post", "post to"):
        raise UserError("edit-not-understood")
    args = grammar.parse(found.command, found.rest)
    return (
        composed_in(request, "post", args.get("text", ""), picture=picture, past=True)
        if found.command.name == "post"
        else composed_in(request, "post to", args["audience | text"], picture=picture, past=True)
    )


def composed_in(request: Request, command: str, text: str, *, picture: bool = False, past: bool = False) -> Composed:
    """What follows the name of one of the two commands that post. `past`: its time may be over."""
    if command == "post to":
        text = f"to {text}"
    tx, author = request.tx, request.person
    called = called_by(tx, author.id)
    composed = parse_post(text, tx.now, author.time_zone, picture=picture, called=called, past=past)
    # `post family | …` by somebody who has a tag of that name is hardly for all friends.
    first = None if composed.to is not None else before_bar(composed.text)
    if first and tags.find(tx, author.id, first) is not None:
        raise UserError("audience-without-to")
    return composed


def called_by(tx: Tx, author: PersonId) -> Called:
    """Whom a word like `@bob` means in an audience: the friend with this remark, or whose Matrix id begins so. Names
    that people gave themselves don't count: whom an audience means is not theirs to choose.

    What it returns raises UserError where several are called so.
    """

    def called(word: str) -> UserId | None:
        try:
            return whom(tx, author, word.replace("＠", "@"), given=False)
        except UserError as error:
            if error.message_id == "whom-none":
                return None
            raise

    return called
