"""Matrix events to `Inbound` values. Everything in an event may be hostile: what does not fit becomes None."""

from collections.abc import Mapping
from typing import Any

from bridge.chat.inbound import (
    EditedMessage,
    EncryptedFile,
    FileMessage,
    Inbound,
    LocationMessage,
    Origin,
    OtherMessage,
    PictureMessage,
    Reaction,
    Redaction,
    Relation,
    TextMessage,
)
from bridge.ids import AccountId, EventId, RoomId, UserId, is_event_id, parse_user_id

_MAX_BODY = 65_536
_MAX_KEY = 64
_MAX_URI = 200
_MAX_TOKEN = 64
PRESSED = "chat.courtyard.choice"
"""Key of a content that says which button was pressed (docs/buttons.md)."""
_OTHER_MESSAGES = frozenset({"m.video", "m.audio", "m.file", "m.location"})
_OTHER_TYPES = frozenset(
    {"m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start", "m.location", "m.file", "m.audio", "m.video"}
)


def origin(event: Mapping[str, Any], room_id: RoomId, account: AccountId, *, encrypted: bool) -> Origin | None:
    """Where an event comes from; None when it lacks what every event has."""
    event_id, sender, sent_at = event.get("event_id"), event.get("sender"), event.get("origin_server_ts")
    if (
        not is_event_id(event_id)
        or not isinstance(sender, str)
        or not isinstance(sent_at, int)
        or isinstance(sent_at, bool)
    ):
        return None
    user = parse_user_id(sender)
    if user is None:
        return None
    return Origin(account, room_id, EventId(event_id), user, max(0, min(sent_at, 2**53)), encrypted)


def to_inbound(
    where: Origin,
    event_type: str,
    content: Mapping[str, Any],
    me: UserId,
    redacts: object = None,
    *,
    related_outside: bool = False,
) -> Inbound | None:
    """What happened, or None when it is nothing that a person does in the chat, or malformed.

    Args:
        event_type, content: of the decrypted event.
        me: our own user id, to know whether we are mentioned.
        redacts: `redacts` of the outer event, where room versions before 11 have it.
        related_outside: the relation in `content` was not in the ciphertext.
    """
    if event_type == "m.room.message":
        return _message(where, content, me, related_outside)
    if event_type == "m.reaction":
        relation = content.get("m.relates_to")
        if isinstance(relation, dict) and relation.get("rel_type") == "m.annotation":
            target, key = relation.get("event_id"), relation.get("key")
            if is_event_id(target) and isinstance(key, str) and 0 < len(key) <= _MAX_KEY and _is_text(key):
                return Reaction(where, EventId(target), key)
        return None
    if event_type == "m.room.redaction":
        target = content.get("redacts", redacts)
        return Redaction(where, EventId(target)) if is_event_id(target) else None
    if event_type in _OTHER_TYPES:
        return OtherMessage(where, event_type, relation_of(content, related_outside))
    return None


def _message(where: Origin, content: Mapping[str, Any], me: UserId, outside: bool) -> Inbound | None:
    msgtype, body = content.get("msgtype"), content.get("body")
    if not isinstance(msgtype, str) or not isinstance(body, str) or len(body) > _MAX_BODY:
        return None
    relates = content.get("m.relates_to")
    if isinstance(relates, dict) and relates.get("rel_type") == "m.replace":
        return _edit(where, relates, content.get("m.new_content"), outside)
    relation = relation_of(content, outside)
    if msgtype in ("m.text", "m.emote"):
        mentions = content.get("m.mentions")
        users = mentions.get("user_ids") if isinstance(mentions, dict) else None
        mentioned = isinstance(users, list) and me in users
        return TextMessage(where, body, relation, mentioned, _pressed(content))
    if msgtype == "m.image":
        file = _file(content.get("file"))
        if file is None:
            return OtherMessage(where, "m.image", relation)
        info = content.get("info")
        info = info if isinstance(info, dict) else {}
        caption = _caption(content, body)
        mimetype, size = info.get("mimetype"), info.get("size")
        return PictureMessage(
            where,
            caption,
            file,
            mimetype if isinstance(mimetype, str) and len(mimetype) <= 100 else "application/octet-stream",
            size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
            relation,
        )
    if msgtype == "m.file":
        file = _file(content.get("file"))
        if file is not None:
            return FileMessage(where, _caption(content, body), file, relation)
    if msgtype == "m.location":
        place = content.get("geo_uri")
        if isinstance(place, str) and len(place) <= _MAX_URI:
            return LocationMessage(where, place, relation)
    if msgtype in _OTHER_MESSAGES:
        return OtherMessage(where, msgtype, relation)
    return None  # m.notice: other bots are not answered


def _pressed(content: Mapping[str, Any]) -> str | None:
    """The token of the button that was pressed; empty, which is none that there is, where it makes no sense."""
    if PRESSED not in content:
        return None
    pressed = content[PRESSED]
    token = pressed.get("token") if isinstance(pressed, dict) else None
    return token if isinstance(token, str) and len(token) <= _MAX_TOKEN and token.isascii() else ""


def _caption(content: Mapping[str, Any], body: str) -> str:
    """Spec 1.10, "Media captions": `body` is one where `filename` is there and differs."""
    filename = content.get("filename")
    return body if isinstance(filename, str) and filename != body else ""


def _edit(where: Origin, relates: Mapping[str, Any], new: object, outside: bool) -> EditedMessage | None:
    target = relates.get("event_id")
    if not isinstance(new, dict) or not is_event_id(target):
        return None
    body = new.get("body")
    if not isinstance(body, str) or len(body) > _MAX_BODY:
        return None
    return EditedMessage(where, EventId(target), body, outside)


def relation_of(content: Mapping[str, Any], outside: bool) -> Relation:
    """How a message with this content hangs on others; `outside`: the ciphertext did not say so."""
    relates = content.get("m.relates_to")
    if not isinstance(relates, dict):
        return Relation()
    reply, thread, falls_back = None, None, False
    if relates.get("rel_type") == "m.thread" and is_event_id(relates.get("event_id")):
        thread = EventId(relates["event_id"])
        falls_back = relates.get("is_falling_back") is True
    in_reply = relates.get("m.in_reply_to")
    if isinstance(in_reply, dict) and is_event_id(in_reply.get("event_id")) and not falls_back:
        reply = EventId(in_reply["event_id"])
    return Relation(reply, thread, outside)


def _file(file: object) -> EncryptedFile | None:
    try:
        assert isinstance(file, dict)
        key = file["key"]
        values = file["url"], key["k"], file["iv"], file["hashes"]["sha256"]
        if file.get("v") != "v2" or key.get("alg") != "A256CTR" or not file["url"].startswith("mxc://"):
            return None
    except (AssertionError, KeyError, TypeError, AttributeError):
        return None
    if not all(isinstance(v, str) and len(v) <= 512 for v in values):
        return None
    return EncryptedFile(*values)


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON can hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sender_of(event: Mapping[str, Any]) -> UserId | None:
    """The sender of a raw event, when it is a user id."""
    sender = event.get("sender")
    return parse_user_id(sender) if isinstance(sender, str) else None
