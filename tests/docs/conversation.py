"""The picture of a conversation: `docs/conversation.svg`, drawn from what the demo printed, `docs/conversation.txt`."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bridge.demo.synapse import free_port
from tests.docs.tables import ROOT, block

TRANSCRIPT = ROOT / "docs" / "conversation.txt"
PICTURE = ROOT / "docs" / "conversation.svg"

_TIME = re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d\b")
_LINE = re.compile(r" *(?P<who>\w+) (?P<sign>[>│]) (?P<text>.*)")
_MORE = re.compile(r" {6,} │(?: {3}(?P<text>.*))?")


@dataclass(slots=True)
class Said:
    """One message. `by_bot`: Courtyard said it to this person; else they typed it."""

    person: str
    by_bot: bool
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def script() -> str:
    """What the README types."""
    text = (ROOT / "README.md").read_text("utf-8")
    return block("script", text)[1].split("```text\n")[1].split("```")[0]


def parse(transcript: str) -> list[Said]:
    """What was said, in the order printed."""
    said: list[Said] = []
    for line in transcript.splitlines():
        if found := _LINE.fullmatch(line):
            bot = found["sign"] == "│"
            said.append(Said(found["who"], bot, [found["text"].removeprefix("Courtyard: ")]))
        elif (found := _MORE.fullmatch(line)) and said:
            said[-1].lines.append(found["text"] or "")
    return said


def answers(transcript: str) -> list[tuple[str, str]]:
    """(person, text) of all that Courtyard said, sorted, without times: what two runs have in common."""
    return sorted((one.person, _TIME.sub("TIME", one.text)) for one in parse(transcript) if one.by_bot)


def chat_of(output: str) -> str:
    """What follows the introduction."""
    lines = output.splitlines(keepends=True)
    begin = next(n for n, line in enumerate(lines) if _LINE.fullmatch(line.rstrip("\n")))
    return "".join(lines[begin:])


async def record() -> str:
    """Run the demo on data of its own with the README's script. What it printed after its introduction."""
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "demo", "--data-dir", directory, "--port", str(free_port())),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(script().encode())
    if process.returncode != 0:
        raise SystemExit(f"the demo ended with status {process.returncode}")
    return chat_of(out.decode())


# --- drawing -------------------------------------------------------------------------------------------------
_WIDTH, _MARGIN, _COLUMN, _GAP = 900, 20, 420, 20
_BUBBLE = 376
_SIZE, _LEADING, _PAD, _BETWEEN = 14, 19, 11, 9
_NARROW, _WIDE = "iljtf.,:;'|!()[]` ", "mwMW—@"
_STYLE = """
  text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #1c2733; }
  .head { font-weight: 600; fill: #44546a; }
  .mine { fill: #ffffff; }
  .small { font-size: 12px; fill: #5b6b80; }
"""


def _width(text: str) -> float:
    """Pixels that a line takes, nearly: in the widest of the fonts that may be there."""
    return (
        1.1
        * _SIZE
        * sum(
            0.31 if c in _NARROW else 0.88 if c in _WIDE else 1.05 if ord(c) > 0x2E80 else 0.68 if c.isupper() else 0.57
            for c in text
        )
    )


def _wrapped(text: str, width: float) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and _width(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def draw(transcript: str) -> str:
    """Two people's chats with Courtyard side by side, time going down, as SVG."""
    columns = {"alice": _MARGIN, "bob": _MARGIN + _COLUMN + _GAP}
    parts: list[str] = []
    bottom = dict.fromkeys(columns, 58.0)
    low = 58.0
    """Nothing begins above what was said before it in the other column."""
    last_bubble: dict[str, tuple[float, float]] = {}
    for one in parse(transcript):
        x = columns.get(one.person)
        text = one.text
        if x is None or text.startswith("/as "):
            continue
        if text.startswith("/react ") and one.person in last_bubble:
            right, end = last_bubble[one.person]
            badge = f'x="{right - 46:.0f}" y="{end - 9:.0f}" width="34" height="22" rx="11"'
            parts.append(f'<rect {badge} fill="#fff" stroke="#c6d0dc"/>')
            parts.append(f'<text x="{right - 29:.0f}" y="{end + 7:.0f}" text-anchor="middle">{escape(text[7:])}</text>')
            bottom[one.person] = max(bottom[one.person], end + 13)
            continue
        reply = text.startswith("/reply ")
        lines = _wrapped(text.removeprefix("/reply ").replace("`", ""), _BUBBLE - 2 * _PAD)
        width = max(map(_width, lines)) + 2 * _PAD
        height = len(lines) * _LEADING + 2 * _PAD - 4
        y = max(bottom[one.person] + _BETWEEN, low)
        left = x + 12 if one.by_bot else x + _COLUMN - 12 - width
        if reply:
            place = f'x="{left + width - 4:.0f}" y="{y + 10:.0f}" text-anchor="end"'
            parts.append(f'<text class="small" {place}>↩ reply to the moment</text>')
            y += 16
        fill = "#eef1f5" if one.by_bot else "#2f6f5e"
        parts.append(
            f'<rect x="{left:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="12" fill="{fill}"/>'
        )
        for n, line in enumerate(lines):
            if line:
                style = "" if one.by_bot else ' class="mine"'
                parts.append(
                    f'<text{style} x="{left + _PAD:.0f}" y="{y + _PAD + 11 + n * _LEADING:.0f}">{escape(line)}</text>'
                )
        bottom[one.person] = y + height
        last_bubble[one.person] = (left + width, y + height)
        low = y if one.by_bot else y + _LEADING
    total = max(bottom.values()) + 2 * _MARGIN
    frames = [
        f'<rect x="{x}" y="16" width="{_COLUMN}" height="{total - 32:.0f}" rx="16" fill="#fff" stroke="#d5dce5"/>'
        f'<text class="head" x="{x + 16}" y="43">{name}’s chat with Courtyard</text>'
        for name, x in columns.items()
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total:.0f}" role="img">'
    title = "<title>alice and bob, each in an encrypted chat with Courtyard</title>"
    background = f'<rect width="{_WIDTH}" height="{total:.0f}" fill="#f7f9fb"/>'
    return "\n".join([head, title, f"<style>{_STYLE}</style>", background, *frames, *parts, "</svg>"]) + "\n"


def write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
