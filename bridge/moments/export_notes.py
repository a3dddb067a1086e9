"""Pieces of ActivityStreams that moments, comments and drafts have in common in an export."""

from html import escape
from typing import Any

from bridge.chat.render import render_written
from bridge.contacts.exporting import media_name, mimetype, size_of
from bridge.ids import UserId
from bridge.moments.picture_store import Described
from bridge.privacy.exporter import ExportMedia, uri


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


def html_of(markdown: str) -> str:
    """What was written as HTML, as ActivityStreams has it."""
    rendered = render_written(markdown)
    return escape(markdown, quote=False) if rendered is None else rendered


def create(author: UserId, note: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Create",
        "actor": uri(author),
        "published": note["published"],
        "to": note["to"],
        "object": note,
    }
