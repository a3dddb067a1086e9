"""Tables of the documents that say what the program has: written from the program, so that they stay true."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bridge.app import features
from bridge.chat import grammar
from bridge.chat.catalogue import Catalogue
from bridge.chat.commands import build_registry
from bridge.chat.people import People
from bridge.chat.registry import Registry, key
from bridge.chat.reply import Text
from bridge.config import Config
from bridge.config.chat import LimitsConfig
from bridge.delivery.outbox import Outbox
from bridge.privacy import Rule

ROOT = Path(__file__).parents[2]

EFFECT: dict[Rule, tuple[str, str]] = {
    Rule.DEFAULT: ("no", "Nothing else in this table applies."),
    Rule.OWN: ("yes", "It is your own: your moment, your comment, your profile, a request that you made."),
    Rule.BLOCKED: ("no", "The owner blocks you. To you it looks like somebody who shows nothing."),
    Rule.BLOCKED_BY_VIEWER: ("no", "You block the owner."),
    Rule.EXPIRED: ("no", "The moment's time is over, for its author too."),
    Rule.PRIVATE: ("no", "The moment was posted to `private`."),
    Rule.STRANGER: ("no", "You and the owner are not friends, and it is not public."),
    Rule.STRANGERS_OFF: ("no", "It is public, but you are not friends, and the author shows strangers nothing."),
    Rule.STRANGERS_OLDER: ("no", "Of public moments strangers see the 10 newest that do not leave them out."),
    Rule.STRANGERS: ("yes", "It is public and among the newest, and the author lets strangers see these."),
    Rule.CHATS_ONLY: ("no", "For the owner you are a friend for chats only."),
    Rule.CHATS_ONLY_BY_VIEWER: ("no", "For you the owner is a friend for chats only."),
    Rule.SHUT_OUT: ("no", "The owner does not let you see theirs, by name or by a tag that you are in."),
    Rule.HIDDEN: ("no", "You hide the owner's moments from yourself."),
    Rule.WINDOW: ("no", "The moment is older than what the author shows."),
    Rule.EXCLUDED: ("no", "The author left you out by name, whoever else is in."),
    Rule.EXCLUDED_TAG: ("no", "You are in a tag that the author left out: at any time, not only when it was posted."),
    Rule.PUBLIC: ("yes", "The moment was posted to `public`, and you are a friend."),
    Rule.FRIENDS: ("yes", "The moment was posted to `friends`, and you are one."),
    Rule.NAMED: (
        "yes",
        "The moment names you, or a tag that you were in when it was posted, and you are still friends.",
    ),
    Rule.TAGGED: ("yes", "The moment follows a tag live, and you are in it now."),
    Rule.NOT_NAMED: ("no", "The moment names people or tags, and you are not among them."),
    Rule.UNKNOWN_AUDIENCE: ("no", "The stored audience is none that this version knows."),
    Rule.WRITER_OUTSIDE: (
        "no",
        "A like or comment of somebody who no longer sees the moment, for instance because they and the author parted.",
    ),
    Rule.WRITER_BLOCKED: ("no", "A like or comment of somebody whom you block."),
    Rule.WRITER_SHUT_OUT: ("no", "A like or comment of a friend who does not let you see theirs, or for chats only."),
    Rule.TO_AUTHOR: ("yes", "A like or comment on your own moment."),
    Rule.FRIEND_OF_WRITER: ("yes", "You see the moment and are a friend of who liked or commented."),
    Rule.NOT_FRIEND_OF_WRITER: ("no", "You see the moment, but who liked or commented is no friend of yours."),
    Rule.FIELD_EVERYONE: ("yes", "The part of the profile is for everyone."),
    Rule.FIELD_FRIENDS: ("yes", "The part of the profile is for friends, and you are one."),
    Rule.FIELD_TAGGED: (
        "yes",
        "The part of the profile is for you, by name or by a tag that you are in, and you are a friend.",
    ),
    Rule.FIELD_LEFT_OUT: ("no", "The part of the profile is for others, or leaves you out."),
    Rule.FIELD_PRIVATE: ("no", "The part of the profile is for its owner alone."),
    Rule.ACCOUNT_TO_FRIENDS: (
        "yes",
        "That somebody is here: friends know it of each other, also where one blocks the other.",
    ),
    Rule.FRIENDSHIP: ("yes", "That two people are friends: the two of them know it, nobody else is told."),
    Rule.OWNERS_NOTES: ("no", "Tags and remarks are for their owner alone, never for whom they are about."),
    Rule.ASKED: ("yes", "An open friend request, with its note, to you."),
    Rule.NOT_PENDING: ("no", "A request that was answered or taken back."),
}
"""What each rule means to a reader: whether it lets them see, and when it applies."""


def registry() -> tuple[Registry, Catalogue]:
    """The commands of the whole program, as `courtyard run` puts them together."""
    config = Config.model_validate(
        {
            "matrix": {
                "homeserver": "https://matrix.example.org",
                "user_id": "@courtyard:example.org",
                "password": "none",
            }
        }
    )
    people, catalogue = People("en", "UTC"), Catalogue.load()
    every = features(config, Outbox(people, catalogue, lambda: None), people, lambda _: None)
    return build_registry(every.commands, people, catalogue), catalogue


def commands() -> Iterator[str]:
    every, catalogue = registry()
    yield "| you write | what it does | also | 中文 |"
    yield "|---|---|---|---|"
    for command in every.commands:
        if command.hidden:
            continue
        what = catalogue.format("en", Text(f"help-{key(command)}"))
        english, chinese = (", ".join(every.aliases(command, language)) for language in ("en", "zh"))
        yield _row(_code(catalogue.format("en", grammar.usage(command))), what, english, chinese)


def limits() -> Iterator[str]:
    yield "| key in `limits:` | default | from – to | what it bounds |"
    yield "|---|---|---|---|"
    for name, field in LimitsConfig.model_fields.items():
        low, high = (_bound(field, attribute) for attribute in ("ge", "le"))
        yield _row(f"`{name}`", f"{field.default:g}", f"{low:g} – {high:g}", _description(f"limits.{name}", field))


def keys() -> Iterator[str]:
    yield "| key | default | what it is |"
    yield "|---|---|---|"
    for name, field in leaves(Config):
        if not name.startswith("limits."):
            yield _row(f"`{name}`", _default(field), _description(name, field))


def rules() -> Iterator[str]:
    yield "| | rule | may see | when |"
    yield "|---|---|---|---|"
    for rule in Rule:
        yield _row(str(rule.number), f"`{rule.value}`", *EFFECT[rule])


TABLES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "commands": ("README.md", commands),
    "keys": ("docs/operators.md", keys),
    "limits": ("docs/operators.md", limits),
    "rules": ("docs/privacy.md", rules),
}
"""Name of a table → the document that it stands in, between `<!-- NAME -->` and `<!-- /NAME -->`, and its rows."""


def block(name: str, text: str) -> re.Match[str]:
    """Where the block `name` stands in a document; group 1 is what is in it."""
    found = re.search(rf"(?<=<!-- {name} -->\n)(.*?)(?=<!-- /{name} -->)", text, re.DOTALL)
    assert found is not None, f"there is no <!-- {name} --> … <!-- /{name} -->"
    return found


def rendered(name: str) -> str:
    return "\n".join(TABLES[name][1]()) + "\n"


def with_tables(document: str) -> str:
    """The text of a document with its tables as they should be."""
    text = (ROOT / document).read_text("utf-8")
    for name, (where, _) in TABLES.items():
        if where == document:
            found = block(name, text)
            text = text[: found.start()] + rendered(name) + text[found.end() :]
    return text


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the configuration with its field."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


@cache
def without_effect() -> frozenset[str]:
    """Keys of the configuration that nothing in the program reads."""
    room = ROOT / "bridge" / "config"
    reads = "\n".join(f.read_text("utf-8") for f in (ROOT / "bridge").rglob("*.py") if f.parent != room)
    sections = "\n".join(f.read_text("utf-8") for f in room.glob("*.py"))

    def is_read(key: str) -> bool:
        return bool(re.search(rf"\.{key}\b", reads) or re.search(rf"self\.(?:\w+\.)?{key}\b", sections))

    # What is read from a file is read as the secret that is in it.
    return frozenset(
        name
        for name, _ in leaves(Config)
        if not is_read(name.rpartition(".")[2].removesuffix("_file")) and not is_read(name.rpartition(".")[2])
    )


def _description(name: str, field: FieldInfo) -> str:
    return f"{field.description}{' **No effect yet.**' if name in without_effect() else ''}"


def _bound(field: FieldInfo, attribute: str) -> float:
    return next(float(getattr(item, attribute)) for item in field.metadata if hasattr(item, attribute))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(must be given)"
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return _code(str(value).lower())
    if isinstance(value, tuple):
        return _code("[" + ", ".join(f'"{item}"' for item in value) + "]")
    return _code(str(value))


def _code(text: str) -> str:
    return f"`{text}`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
