"""Twin villages: two worlds that live through the same events, but for some that only one of them has.

Whoever adds a feature adds its commands to `doings.py`: what Alice does and what others do in both
worlds, and what happens out of her sight, in one world only. Everything that she receives must be equal to the last
byte, redactions and their order included.

What twins may differ in: what no rule lets Alice see, at any time. They may not differ in what she is told by its
consequences: that somebody whom she sees comment can do so no longer (M6), that a code which she was given works
(I3), or that somebody who acts towards her in both worlds was able to (I2).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import pytest

from bridge.chat import sources
from bridge.contacts import invites
from bridge.db import Tx
from bridge.ids import EventId
from bridge.moments import numbers, store
from bridge.moments.kinds import MOMENT
from tests.features.settled import Settled
from tests.features.village import ACCOUNT, Village, user_id

ME = "alice"
EVERYBODY = (ME, "bob", "carol", "gina", "fourth", "fifth")
NOBODIES = ("nobody", "nothing")
"""Ids that are named, and that no chat belongs to."""
FIRST, SECOND = 1, 2
"""The two worlds."""


@dataclass(frozen=True)
class Step:
    """Somebody says something."""

    who: str
    text: str
    """A command; `{n}` stands for the speaker's number of the moment that `about` means, `{code}` for a code."""
    about: int | None = None
    """Which of the moments, or codes, that came into being in both worlds; by position, modulo how many there are."""
    only: int | None = None
    """The world in which it happens; None: in both."""


@dataclass(frozen=True)
class Touch:
    """Alice reacts to, answers, redacts or edits one of the events that she has seen or sent."""

    kind: str
    index: int
    text: str = ""
    only: int | None = None


@dataclass(frozen=True)
class Wait:
    ms: int = 90_000
    only: int | None = None


@dataclass(frozen=True)
class Do:
    """Anything else that happens to a world."""

    work: Callable[[Village], object]
    only: int | None = None


Event = Step | Touch | Wait | Do
Make = Callable[..., Village]
_make = partial(Village, digests=True)

_TOKEN = re.compile(r'"token": "([^"]*)"')


def hidden(*events: Step | Do) -> list[Event]:
    """These happen in the second world only."""
    return [Step(e.who, e.text, e.about, SECOND) if isinstance(e, Step) else Do(e.work, SECOND) for e in events]


class Twin:
    """One of the worlds."""

    def __init__(self, which: int, village: Village) -> None:
        self.which = which
        self.village = village
        self.posted: list[EventId] = []
        self.codes: list[str] = []
        self.sent: list[EventId] = []

    @classmethod
    def settled(cls, which: int, setting: Sequence[Event], make: Make = _make) -> "Twin":
        """A world in which the setting has happened."""
        return _settled(tuple(setting), make)(which)

    def live(self, events: Sequence[Event]) -> list[str]:
        """All that Alice received, from the setting on."""
        self._live(events, "event")
        log = self.village.rooms[ME].log
        self.village.close()
        return _told_apart(log)

    def _live(self, events: Sequence[Event], kind: str) -> None:
        for index, event in enumerate(events):
            if event.only not in (None, self.which):
                continue
            if event.only is None:
                self.village.now += 1000
            name = EventId(f"${kind}-{index}{'' if event.only is None else '-hidden'}")
            with _codes_of(name):
                match event:
                    case Wait():
                        self.village.wait(event.ms)
                        self.village.carry_out(("carol", ME))
                    case Do():
                        event.work(self.village)
                    case Touch():
                        self._touch(event, name)
                    case Step():
                        self._step(event, name)

    def _step(self, step: Step, name: EventId) -> None:
        text = step.text
        if step.about is not None and "{code}" in text:
            text = text.format(code=self.codes[step.about % len(self.codes)] if self.codes else "NONE")
        elif step.about is not None:
            number = self._number(step.who, self.posted[step.about % len(self.posted)]) if self.posted else None
            if number is None:
                return
            text = text.format(n=number)
        self.village.next_event = name
        self.village.say(step.who, text)
        if step.only is None and text.startswith("post"):
            self.posted.append(name)
        if step.only is None and text.startswith("invite new"):
            self.codes.append(invite_code(name))
        if step.who == ME:
            self.sent.append(name)

    def _touch(self, touch: Touch, name: EventId) -> None:
        seen = self.village.rooms[ME].events
        target = seen[touch.index % len(seen)].event_id
        self.village.next_event = name
        if touch.kind == "react":
            self.village.react(ME, target, "❤️")
            self.sent.append(name)
        elif touch.kind == "press":
            tokens = [token for event in seen for token in event.buttons.values()]
            self.village.press(ME, tokens[touch.index % len(tokens)] if tokens else "")
            self.sent.append(name)
        elif touch.kind == "reply":
            self.village.say(ME, touch.text, target)
            self.sent.append(name)
        elif self.sent and touch.kind == "redact":
            self.village.redact(ME, self.sent[touch.index % len(self.sent)])
        elif self.sent:
            self.village.edit(ME, self.sent[touch.index % len(self.sent)], touch.text)
        self.village.next_event = None

    def _number(self, who: str, posted: EventId) -> int | None:
        """The speaker's number of a moment: what their own feed would have told them."""

        def work(tx: Tx) -> int | None:
            source = sources.find(tx, ACCOUNT, posted)
            person = self.village.people.get(tx, user_id(who))
            if source is None or source.kind != MOMENT or person is None or store.moment(tx, source.ref_id) is None:
                return None
            return numbers.number_of(tx, person.id, source.ref_id)

        return self.village.db.run_sync(work)


def both(events: Sequence[Event], setting: Sequence[Event] = (), make: Make = _make) -> tuple[list[str], list[str]]:
    """What Alice receives in the first world, and in the second. `make`: another village than usual (see `Settled`)."""
    return Twin.settled(FIRST, setting, make).live(events), Twin.settled(SECOND, setting, make).live(events)


@cache
def _settled(setting: tuple[Event, ...], make: Make) -> Callable[[int], Twin]:
    """The world from which twins go on: what happens in it happens once in a process, so it must happen in both.

    Whoever breaks something on purpose calls `settle` before.
    """
    assert all(event.only is None for event in setting)
    lived: list[Twin] = []

    def settle(village: Village) -> None:
        # Ids of people break ties: whom a hidden event names first must not shift them.
        village.open(*EVERYBODY)
        village.know(*NOBODIES)
        lived.append(Twin(FIRST, village))
        lived[0]._live(setting, "setting")

    village = Settled(settle, make)

    def go_on(which: int) -> Twin:
        twin = Twin(which, village())
        twin.posted, twin.codes, twin.sent = [*lived[0].posted], [*lived[0].codes], [*lived[0].sent]
        return twin

    return go_on


def settle(setting: Sequence[Event], make: Make = _make) -> None:
    """Let the setting happen now, for all twins of this process that are to go on from it."""
    Twin.settled(FIRST, setting, make).village.close()


def befriend(a: str, b: str) -> list[Event]:
    return [Step(a, f"friend add {user_id(b)}"), Step(b, f"friend accept {user_id(a)}")]


def invite_code(name: EventId) -> str:
    """The code that an event makes. Codes are random, and would differ between twins."""
    letters = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:12]
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _told_apart(log: Sequence[str]) -> list[str]:
    """What arrived, with the tokens of buttons counted: they are random, and differ between twins."""
    found: dict[str, str] = {}
    whole = "\n".join(log)
    for token in _TOKEN.findall(whole):
        found.setdefault(token, f"token {len(found)}")
    return [_TOKEN.sub(lambda match: f'"token": "{found[match[1]]}"', line) for line in log]


@contextmanager
def _codes_of(name: EventId) -> Iterator[None]:
    code = invite_code(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(invites, "new_code", lambda: code)
        yield
