"""A page costs what a page costs: the number of statements does not grow with posts or friends."""

from pathlib import Path

import pytest

from bridge.db import Tx
from bridge.moments.feed import feed_page
from bridge.moments.kinds import MOMENT
from bridge.moments.model import Position
from tests.bench.crowd import crowd


def _statements(path: Path, friends: int, posts: int) -> dict[str, int]:
    with crowd(path, friends, posts) as here:
        pages: list[int] = []

        def page(tx: Tx) -> None:
            pages[:] = here.moments.reading.feed(tx, here.reader).moments

        here.run(page)
        middle = Position(here.db.clock() - posts * 500, 2**62)
        return {
            "page": here.count(page),
            "deep": here.count(lambda tx: feed_page(tx, here.reader.id, middle, here.moments.limits.page)),
            "album": here.count(lambda tx: here.moments.reading.album(tx, here.reader, here.of(here.friends[0]))),
            "render": here.count(lambda tx: here.renderers[MOMENT](tx, here.reader, pages[0])),
        }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    return _statements(tmp_path_factory.mktemp("small") / "x.db", 10, 100)


def test_a_page_takes_few_statements(small: dict[str, int]) -> None:
    assert small["page"] <= 16
    assert small["album"] <= 30


def test_more_posts_take_no_more_statements(small: dict[str, int], tmp_path: Path) -> None:
    assert _statements(tmp_path / "x.db", 10, 3000) == small


def test_more_friends_take_no_more_statements(small: dict[str, int], tmp_path: Path) -> None:
    many = _statements(tmp_path / "x.db", 300, 3000)
    assert all(many[what] <= count + 1 for what, count in small.items()), (many, small)
