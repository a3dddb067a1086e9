"""Pages of an export: plain HTML that runs nothing and loads nothing from elsewhere."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from bridge.chat.render import render_written

# For pages in a folder of the disk, `file:` says what 'self' says elsewhere.
_POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LINK = re.compile(r'<a href="(?P<where>[^"]*)">(?P<shown>.*?)</a>', re.DOTALL)
_STAMP = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d:\d\d):\d\d\.\d{3}Z", re.ASCII)
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font-family:sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;line-height:1.5;"
    "overflow-wrap:anywhere}"
    "h1,h2,h3{line-height:1.25}img{max-width:100%;height:auto}pre{overflow-x:auto}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;overflow-wrap:normal}"  # wider than a phone: it scrolls
    "td,th{border:1px solid #8886;padding:.2rem .6rem;text-align:left;vertical-align:top;max-width:24rem}"
    "td{overflow-wrap:break-word}th{white-space:nowrap}"
    "article{border-top:1px solid #8886;padding:.6rem 0}.small{opacity:.75}blockquote{margin:.4rem 0 .4rem 1rem}"
)


def page(language: str, title: str, body: Iterable[str]) -> bytes:
    """A whole page. `body`: HTML that is safe already. It may load pictures beside it and nothing else."""
    lines = (
        "<!DOCTYPE html>",
        f'<html lang="{escape(language)}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
        *body,
        "</body>",
        "</html>",
        "",
    )
    return "\n".join(lines).encode("utf-8", "replace")


def text(content: str, kind: str = "p", css: str = "") -> str:
    """Text as one element."""
    attribute = f' class="{css}"' if css else ""
    shown = escape(content, quote=False).replace("\n", "<br>")
    return f"<{kind}{attribute}>{shown}</{kind}>"


def written(markdown: str) -> str:
    """What a person wrote, as it is shown in chats, but that links are text: nothing here leads elsewhere."""
    rendered = render_written(markdown)
    return text(markdown) if rendered is None else f"<div>{_LINK.sub(_as_text, rendered)}</div>"


def picture(name: str, alt: str) -> str:
    """A picture beside the page."""
    shown = f'<p><img src="{escape(name)}" alt="{escape(alt)}"></p>'
    return shown + (text(alt, css="small") if alt else "")


def link(name: str, title: str) -> str:
    return f'<a href="{escape(name)}">{escape(title, quote=False)}</a>'


def rows(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table. Times are shown to the minute, in UTC as the lists have them."""
    head = "".join(f"<th>{escape(one, quote=False)}</th>" for one in header)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in line)}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    shown = "" if value is None else str(value)
    when = _STAMP.fullmatch(shown)
    if when is not None:
        shown = f"{when['day']} {when['time']} UTC"
    return f"<td>{escape(shown, quote=False)}</td>"


def _as_text(link: re.Match[str]) -> str:
    where, shown = link["where"], link["shown"]
    return shown if shown == where or shown == where.removeprefix("mailto:") else f"{shown} ({where})"
