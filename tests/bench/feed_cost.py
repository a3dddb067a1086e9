"""What a page of a feed costs, as a function of posts and of friends: CPU, and statements."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.db import Tx
from bridge.moments.feed import feed_page
from bridge.moments.kinds import MOMENT
from bridge.moments.model import Position
from tests.bench.crowd import Crowd, crowd

SIZES = ((100, 1_000), (100, 10_000), (100, 100_000), (10, 100_000), (1_000, 100_000))
"""(friends, posts)"""
TARGET_MS = 2.0
"""Of a page, first or next, without rendering."""


@dataclass(frozen=True, slots=True)
class Row:
    friends: int
    posts: int
    page_ms: float
    """The newest page: found, decided about, numbered; the median."""
    page_p95_ms: float
    deep_ms: float
    """A page in the middle of all posts, found and decided about."""
    statements: int
    deep_statements: int
    render_ms: float
    """One moment of it, rendered for its reader when it is sent."""
    render_statements: int


def run(directory: Path, rounds: int) -> Sequence[Row]:
    return [_row(directory / f"{friends}-{posts}.db", friends, posts, rounds) for friends, posts in SIZES]


def _row(path: Path, friends: int, posts: int, rounds: int) -> Row:
    with crowd(path, friends, posts) as here:
        moments, reader = here.moments, here.reader
        pages: list[int] = []

        def page(tx: Tx) -> None:
            pages[:] = moments.reading.feed(tx, reader).moments

        middle = Position(here.db.clock() - posts * 500, 2**62)

        def deep(tx: Tx) -> None:
            feed_page(tx, reader.id, middle, moments.limits.page)

        def render(tx: Tx) -> None:
            here.renderers[MOMENT](tx, reader, pages[0])

        for work in (page, deep, render):
            here.run(work)  # numbers are given the first time
        first, later, shown = (_times(here, work, rounds) for work in (page, deep, render))
        return Row(
            friends,
            posts,
            statistics.median(first),
            statistics.quantiles(first, n=20)[-1],
            statistics.median(later),
            here.count(page),
            here.count(deep),
            statistics.median(shown),
            here.count(render),
        )


def _times(here: Crowd, work: Callable[[Tx], None], rounds: int) -> list[float]:
    """CPU of each of some transactions, ms."""
    times: list[float] = []
    for _ in range(rounds):
        here.statements.clear()
        start = time.process_time_ns()
        here.run(work)
        times.append((time.process_time_ns() - start) / 1e6)
    return times


def told(rows: Sequence[Row]) -> list[str]:
    """Print the table. What is over the target."""
    print("\nA page of a feed (5 moments): CPU, and statements\n")
    print(f"{'friends':>8}{'posts':>9}{'page ms':>9}{'p95':>7}{'older ms':>10}{'statements':>12}{'one shown ms':>14}")
    for row in rows:
        counts = f"{row.statements}, {row.deep_statements}"
        print(
            f"{row.friends:>8}{row.posts:>9}{row.page_ms:>9.2f}{row.page_p95_ms:>7.2f}{row.deep_ms:>10.2f}"
            f"{counts:>12}{row.render_ms:>14.2f}"
        )
    return [f"feed of {row.friends} friends, {row.posts} posts" for row in rows if row.page_ms > TARGET_MS]
