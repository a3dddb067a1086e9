"""Messages as content of `m.room.message`: a plain body that says everything, and HTML where it adds something."""

import json
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt

from bridge.chat import markup
from bridge.chat.catalogue import Catalogue
from bridge.chat.clean import clean_argument, clean_text
from bridge.chat.reply import Block, Hidden, Lines, Message, Text, Written
from bridge.ids import EventId

MAX_CONTENT = 40_000
"""Bytes of a content as ASCII JSON. Encrypted (base64 adds a third) and with relations it stays below 60 KB, and so
below the 65,536 bytes that an event may have (spec: "Size limits")."""
MAX_MARKDOWN = 6_000
"""Characters of a person's text that are looked at as Markdown; a longer text is shown as it was typed."""
_EDIT_FALLBACK = 400
_ascii = json.JSONEncoder(separators=(",", ":")).encode
_MAX_NESTING = 12

HTML_FORMAT = "org.matrix.custom.html"
BUTTONS = "chat.courtyard.choices"
"""Key of a content under which the choices stand that can be made in it (docs/buttons.md)."""

# A subset of the tags that the spec suggests for m.room.message, and no pictures: a picture is a way to see who reads.
_INLINE = frozenset({"a", "br", "code", "del", "em", "s", "strong"})
_BLOCK = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"})
TAGS = _INLINE | _BLOCK
ATTRIBUTES = {"a": frozenset({"href"}), "ol": frozenset({"start"})}
URL_SCHEMES = frozenset({"http", "https", "mailto", "matrix"})

_cleaner = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=frozenset({"script", "style"}),
    attributes={**ATTRIBUTES, "*": frozenset()},  # without it, titles and languages pass on every tag
    url_schemes=URL_SCHEMES,
    url_relative="deny",
    link_rel=None,
)
# Rules that would make text vanish or look other than it was typed are off.
_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": _MAX_NESTING})
    .enable("strikethrough")
    .disable(["image", "lheading", "reference", "code", "entity", "html_block", "html_inline"])
)


def render(message: Message, language: str, time_zone: str, catalogue: Catalogue) -> dict[str, Any]:
    """The content of one event, before relations and encryption. Only who is to be pinged is in `m.mentions`."""
    plain, html = _blocks(message.blocks, language, time_zone, catalogue)
    mentions = {"user_ids": list(message.pings)} if message.pings else {}
    content: dict[str, Any] = {"msgtype": "m.text", "body": plain, "m.mentions": mentions}
    if message.picture is not None:
        picture = message.picture
        # Spec 1.10, "Media captions": `body` is a caption only where `filename` is there and differs.
        content.update(msgtype="m.image", filename=picture.name, file=dict(picture.file), info=dict(picture.info))
        content["body"] = plain or picture.name
    if message.attachment is not None:
        one = message.attachment
        info = {"mimetype": one.mimetype, "size": one.size}
        content.update(msgtype="m.file", filename=one.name, file=dict(one.file), info=info, body=plain or one.name)
    if message.buttons:
        choices = [{"label": clean_argument(one.label), "token": one.token} for one in message.buttons]
        content[BUTTONS] = {"v": 1, "choices": choices}
    if message.place is not None:
        content.update(msgtype="m.location", geo_uri=message.place)
        return _bounded(content)
    if html is not None:
        content["format"] = HTML_FORMAT
        content["formatted_body"] = html
    return _bounded(content)


def relate(
    content: Mapping[str, Any],
    reply_to: EventId | None = None,
    thread: EventId | None = None,
    replaces: EventId | None = None,
) -> dict[str, Any]:
    """`content` as a reply, in a thread, or as the replacement of an event (spec: "Rich replies", "Threading",
    "Event replacements"). With `replaces` the others don't count: a replacement keeps the relation of its event."""
    if replaces is not None:
        new = {key: value for key, value in content.items() if key != "m.relates_to"}
        # Only clients that know no replacements look at the outer body: short, so that the event stays in bounds.
        outer = {key: value for key, value in new.items() if key not in ("format", "formatted_body", BUTTONS)}
        # An edit pings nobody anew (spec: "User and room mentions").
        outer["m.mentions"] = {}
        body = str(new.get("body", ""))
        outer["body"] = f"* {body[:_EDIT_FALLBACK]}{'…' if len(body) > _EDIT_FALLBACK else ''}"
        return outer | {"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": replaces}}
    if thread is not None:
        relation: dict[str, Any] = {"rel_type": "m.thread", "event_id": thread}
        relation["is_falling_back"] = reply_to is None
        relation["m.in_reply_to"] = {"event_id": reply_to or thread}
        return dict(content) | {"m.relates_to": relation}
    if reply_to is not None:
        return dict(content) | {"m.relates_to": {"m.in_reply_to": {"event_id": reply_to}}}
    return dict(content)


def render_written(markdown: str) -> str | None:
    """HTML of a person's text, or None when it is too long to be looked at. Safe to put into any event."""
    text = clean_text(markdown)
    if len(text) > MAX_MARKDOWN:
        return None
    return _cleaner.clean(_markdown.render(text)).strip()


def render_hidden(block: Hidden) -> str:
    """A spoiler: inline, so that every client that knows spoilers hides all of it. Markdown stays as it was typed."""
    text = escape(clean_text(block.markdown).strip("\n"), quote=False).replace("\n", "<br>")
    return f'<span data-mx-spoiler="{escape(clean_argument(block.reason))}">{text}</span>'


def _blocks(blocks: tuple[Block, ...], language: str, time_zone: str, catalogue: Catalogue) -> tuple[str, str | None]:
    plain: list[str] = []
    html: list[str] = []
    inline: list[str] = []
    previous: Block | None = None

    def flush() -> None:
        if inline:
            html.append("<br>".join(inline) if len(blocks) == 1 or not written else f"<p>{'<br>'.join(inline)}</p>")
            inline.clear()

    written = any(isinstance(block, Written | Hidden) for block in blocks)
    for block in blocks:
        if isinstance(block, Hidden):
            flush()
            html.append(f"<blockquote>{render_hidden(block)}</blockquote>")
            continue
        if isinstance(block, Written):
            text = clean_text(block.markdown).strip("\n")
            flush()
            rendered = render_written(text)
            if rendered is None:
                rendered = "<p>" + escape(text, quote=False).replace("\n", "<br>") + "</p>"
            # Beside other blocks a quote, so that nobody's text can look like a line of the bot.
            html.append(rendered if len(blocks) == 1 else f"<blockquote>{rendered}</blockquote>")
        else:
            texts = block.items if isinstance(block, Lines) else (block,)
            pairs = [_text(item, language, time_zone, catalogue) for item in texts]
            text = "\n".join(pair[0] for pair in pairs)
            inline.extend(pair[1] for pair in pairs)
        if previous is not None:
            plain.append("\n\n" if isinstance(block, Written) or isinstance(previous, Written) else "\n")
        plain.append(text)
        previous = block
    flush()
    body, formatted = "".join(plain), "".join(html)
    bare = escape(body, quote=False).replace("\n", "<br>")
    return body, None if formatted in (bare, f"<p>{bare}</p>", "") else formatted


def _text(text: Text, language: str, time_zone: str, catalogue: Catalogue) -> tuple[str, str]:
    if not text.args:
        return _constant(catalogue, language, text.id)
    template, arguments = catalogue.template(language, text, time_zone)
    return markup.to_plain(template, arguments), markup.to_html(template, arguments)


@lru_cache(2048)
def _constant(catalogue: Catalogue, language: str, text_id: str) -> tuple[str, str]:
    """A text that is always the same."""
    template, _ = catalogue.template(language, Text(text_id))
    return markup.to_plain(template, []), markup.to_html(template, [])


def _size(value: object) -> int:
    return len(_ascii(value))


def _bounded(content: dict[str, Any]) -> dict[str, Any]:
    if _size(content) <= MAX_CONTENT:
        return content
    content.pop("format", None)
    content.pop("formatted_body", None)
    excess = _size(content) - MAX_CONTENT
    if excess > 0:
        room = max(_size(content["body"]) - excess - _size("…"), 0)
        content["body"] = _head(content["body"], room) + "…"
    return content


def _head(text: str, room: int) -> str:
    """The longest head of `text` whose JSON string takes at most `room` bytes."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low]
