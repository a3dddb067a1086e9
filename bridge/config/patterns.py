"""Glob patterns as m.room.server_acl has them: `*` any number of characters, `?` exactly one; case does not count."""

from functools import lru_cache


@lru_cache(4096)
def matches(patterns: tuple[str, ...], text: str) -> bool:
    """Whether one of `patterns` fits the whole of `text`. It is asked about the same people again and again."""
    return any(_fits(pattern.lower(), text.lower()) for pattern in patterns)


def server_without_port(server: str) -> str:
    """The server name without its port, as access rules compare it (spec: m.room.server_acl)."""
    host, colon, port = server.rpartition(":")
    return host if colon and port.isdigit() and not (host.startswith("[") and not host.endswith("]")) else server


def _fits(pattern: str, text: str) -> bool:
    # Not a regular expression: those take exponential time for some patterns, and strangers choose `text`.
    p = t = 0
    star, mark = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p += 1
            t += 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return all(c == "*" for c in pattern[p:])
