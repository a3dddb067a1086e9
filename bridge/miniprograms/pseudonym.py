"""The ids under which a program knows people and chats: keyed hashes that say nothing without the program's key."""

import base64
import hashlib
import hmac


def user_id(key: bytes, person: str, *, generation: int = 0, room: str | None = None) -> str:
    """Who a person is to one program.

    Args:
        key: secret, of this program in this installation; 32 bytes.
        person: what tells people apart here.
        generation: counts up when the person starts afresh as somebody new.
        room: the room, for what is played there with others: who one is in one room says nothing about another.
    """
    return "u" + _hash(key, "user", person, str(generation), room or "")


def chat_id(key: bytes, chat: str, *, generation: int = 0) -> str:
    """What a chat is to one program. For a chat with one person, `generation` is theirs."""
    return "c" + _hash(key, "chat", chat, str(generation))


def seed(key: bytes, event: str) -> str:
    """The 128 bits of chance of one event: the same for the same event, and to nobody else predictable."""
    return hmac.digest(key, _message("seed", event), hashlib.sha256)[:16].hex()


def _hash(key: bytes, *parts: str) -> str:
    digest = hmac.digest(key, _message(*parts), hashlib.sha256)[:16]
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


def _message(*parts: str) -> bytes:
    """The parts, so that no two lists of parts give the same bytes."""
    return b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode("utf-8") for part in parts))
