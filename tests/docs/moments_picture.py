"""The picture of moments in a chat: `docs/moments.svg`, drawn from the events that the bot sends."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tests.docs import conversation
from tests.docs.conversation import _STYLE, _wrapped
from tests.docs.tables import ROOT
from tests.features.village import MINUTE, Shown, Village

PICTURE = ROOT / "docs" / "moments.svg"
_WIDTH, _MARGIN, _COLUMN, _GAP, _BUBBLE = 900, 20, 420, 20, 376
_LEADING, _PAD, _PHOTO = 19, 11, 150


@dataclass(frozen=True, slots=True)
class _Bubble:
    mine: bool
    text: str
    photo: bool = False


def _lived() -> tuple[list[_Bubble], list[_Bubble]]:
    """Bob's chat in the form of one event for each moment, and Carol's in the compact form."""
    village = Village()
    village.open("alice", "bob", "carol")
    for a, b in (("alice", "bob"), ("alice", "carol"), ("bob", "carol")):
        village.befriend(a, b)
    for name in ("alice", "bob", "carol"):
        village.say(name, f"profile set name {name.capitalize()}")
        village.say(name, "privacy set name friends")
    village.picture("alice", "post alt A lake between hills, at dawn | **The lake** this morning. Who comes on Sunday?")
    village.now += 20 * MINUTE
    village.say("carol", "post cw Spiders | Look who lives in our cellar")
    village.now += 7 * MINUTE
    village.say("alice", "post poll By bike / By train | How do we get there?")
    for text in ("feed", "like 3", "comment 3 I bring the boat", "vote 2 2"):
        village.say("carol", text)
    village.now += 3 * MINUTE
    bob = [_Bubble(True, "feed"), *map(_bubble, village.get("bob", "feed"))]
    copy = village.rooms["bob"].events[-3]
    bob += [_Bubble(True, "↩ 1")] + [_Bubble(False, body) for body in village.say("bob", "1", copy.event_id)]
    carol = [_Bubble(True, "feed compact"), *map(_bubble, village.get("carol", "feed compact"))]
    carol += [_Bubble(True, "moment 3"), *map(_bubble, village.get("carol", "moment 3"))]
    village.close()
    return bob, carol


def _bubble(event: Shown) -> _Bubble:
    return _Bubble(False, event.body, event.content["msgtype"] == "m.image")


def draw() -> str:
    """Two chats side by side, as SVG."""
    parts: list[str] = []
    bottoms: list[float] = []
    for x, bubbles in zip((_MARGIN, _MARGIN + _COLUMN + _GAP), _lived(), strict=True):
        y = 60.0
        for one in bubbles:
            lines = _wrapped(one.text.replace("`", "").replace("**", ""), _BUBBLE - 2 * _PAD)
            width = max(map(conversation._width, lines)) + 2 * _PAD
            width = _BUBBLE if one.photo else min(width, _BUBBLE)
            height = len(lines) * _LEADING + 2 * _PAD - 4 + (_PHOTO if one.photo else 0)
            left = x + _COLUMN - 12 - width if one.mine else x + 12
            fill = "#2f6f5e" if one.mine else "#eef1f5"
            parts.append(
                f'<rect x="{left:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="12" fill="{fill}"/>'
            )
            top = y
            if one.photo:
                parts.append(_lake(left + 6, y + 6, width - 12, _PHOTO - 8))
                top += _PHOTO
            for n, line in enumerate(lines):
                style = ' class="mine"' if one.mine else ' class="head"' if line.startswith("#") else ""
                place = f'x="{left + _PAD:.0f}" y="{top + _PAD + 11 + n * _LEADING:.0f}"'
                if line:
                    parts.append(f"<text{style} {place}>{escape(line)}</text>")
            y += height + 9
        bottoms.append(y)
    total = max(bottoms) + _MARGIN
    names = ("Bob’s chat with Courtyard", "Carol’s, in the compact form")
    frames = [
        f'<rect x="{x}" y="16" width="{_COLUMN}" height="{total - 32:.0f}" rx="16" fill="#fff" stroke="#d5dce5"/>'
        f'<text class="head" x="{x + 16}" y="43">{name}</text>'
        for x, name in zip((_MARGIN, _MARGIN + _COLUMN + _GAP), names, strict=True)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total:.0f}" role="img">'
    title = "<title>moments with a picture, a warning and a poll, each as a message and as a compact page</title>"
    background = f'<rect width="{_WIDTH}" height="{total:.0f}" fill="#f7f9fb"/>'
    return "\n".join([head, title, f"<style>{_STYLE}</style>", background, *frames, *parts, "</svg>"]) + "\n"


def _lake(x: float, y: float, width: float, height: float) -> str:
    """Stands for the picture that a client shows there."""
    middle, low = y + height * 0.55, y + height
    steps = ((0.25, -40), (0.2, 30), (0.25, -50), (0.3, 60))
    hills = f"M{x:.0f} {middle:.0f} {' '.join(f'l{width * across:.0f} {up}' for across, up in steps)} z"
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8" fill="#f6d9b8"/>'
        f'<circle cx="{x + width * 0.68:.0f}" cy="{middle - 28:.0f}" r="16" fill="#f4b06a"/>'
        f'<path d="{hills}" fill="#6b8f7b"/>'
        f'<rect x="{x:.0f}" y="{middle:.0f}" width="{width:.0f}" height="{low - middle:.0f}" fill="#7fa8c4"/>'
    )
