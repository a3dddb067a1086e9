"""P6, P10: an export tells nothing that its owner may not see.

Twin worlds that differ only in what Alice may not see: what she exports is the same to the last byte, but for the names
of moments, which are random for each installation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.ids import EventId
from tests.archives import alike, export, parts
from tests.features.village import Village, user_id
from tests.property.doings import EVENTS, SETTING
from tests.property.twins import FIRST, ME, SECOND, Do, Event, Step, Twin

ALICE, BOB, GINA, FOURTH = (user_id(name) for name in (ME, "bob", "gina", "fourth"))


def exports(happened: list[Event]) -> tuple[dict[str, str], dict[str, str]]:
    """What Alice exports in each of the two worlds."""
    found: list[dict[str, str]] = []

    def take(village: Village) -> None:
        village.now += 25 * 3600 * 1000
        found.append(alike(export(village, ME)))

    for which in (FIRST, SECOND):
        Twin.settled(which, SETTING).live([*happened, Do(take)])
    return found[0], found[1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(EVENTS, max_size=25))
def test_an_export_tells_nothing_hidden(happened: list[Event]) -> None:
    first, second = exports(happened)
    assert first == second


@dataclass(frozen=True)
class Elsewhere:
    """What Alice has in another place, as an archive."""

    data: bytes = field(repr=False)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    village = Village()
    village.open(ME, "bob", "carol", "gina")
    for friend in ("bob", "carol", "gina"):
        village.befriend(ME, friend)
    for text in (
        "profile set name Alice",
        f"tag add #one {BOB}",
        f"remark {GINA} G",
        f"block {FOURTH}",
        "post to friends | From elsewhere",
        "post to public | From elsewhere, for all",
        f"post to {BOB} {GINA} | From elsewhere, for two",
        "post to #one live | From elsewhere, for a tag",
        f"post to friends except {GINA} | From elsewhere, not for Gina",
    ):
        village.say(ME, text)
    [data] = parts(village, ME)
    yield Elsewhere(data)
    village.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(EVENTS, max_size=15), st.lists(EVENTS, max_size=5))
def test_an_import_tells_nothing_hidden(elsewhere: Elsewhere, before: list[Event], after: list[Event]) -> None:
    """Neither by what is said about it, nor by what comes of it."""
    archive = elsewhere.data
    exported: list[dict[str, str]] = []

    def take_in(village: Village) -> None:
        village.now += 25 * 3600 * 1000
        village.next_event = EventId("$the file")
        village.send_file(ME, archive, "import")
        village.next_event = EventId("$the answer")
        village.say(ME, "1", to=village.rooms[ME].events[-1].event_id)
        village.work()

    def give_out(village: Village) -> None:
        village.now += 25 * 3600 * 1000
        village.work()
        village.next_event = EventId("$the export")
        events = village.rooms[ME].events
        shown = len(events)
        exported.append(alike(export(village, ME)))
        log = village.rooms[ME].log
        del log[len(log) - (len(events) - shown) :]  # what brings the file says how large it is, which is random

    steps = [*before, Do(take_in), *after, Do(give_out)]
    first, second = (Twin.settled(which, SETTING).live(steps) for which in (FIRST, SECOND))
    assert first == second
    assert exported[0] == exported[1]


@pytest.mark.parametrize(
    "hidden",
    [
        [Step("gina", "post Hidden", only=SECOND), Step("gina", f"block {ALICE}", only=SECOND)],
        [Step("bob", f"remark {ALICE} Hidden", only=SECOND), Step("bob", f"tag add #x {ALICE}", only=SECOND)],
        [Step("bob", f"post to {FOURTH} | Hidden", only=SECOND)],
        [Step("fourth", f"friend add {GINA}", only=SECOND), Step("fourth", "comment 1 Hidden", only=SECOND)],
        [Step("bob", "export", only=SECOND), Step("bob", "privacy recovery on", only=SECOND)],
    ],
    ids=["block", "notes", "post", "others", "ledger"],
)
def test_what_others_do_out_of_sight_is_not_in_it(hidden: list[Event]) -> None:
    mine: list[Event] = [
        Step(ME, "post One"),
        Step("bob", "feed"),
        Step("bob", "comment {n} Seen", about=-1),
        Step(ME, "privacy recovery on"),
    ]
    first, second = exports([*mine[:2], *hidden, *mine[2:]])
    assert first == second
    assert any("One" in text for text in first.values())
