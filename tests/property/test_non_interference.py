"""Non-interference: what Alice may not see leaves no trace in any byte that she receives.

Two villages live through the same events. In the second one more happens, all of it out of her sight: strangers and
friends post for others, comment, like, ask, decline, part, read. The rooms of Alice must be equal to the last byte,
redactions and their order included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.chat import sources
from bridge.chat.people import People
from bridge.db import Tx
from bridge.ids import EventId
from bridge.moments import store
from bridge.privacy import Decision, Rule, model
from tests.features.village import ACCOUNT, Village, user_id

ME = "alice"
FRIENDS = ("bob", "carol")
"""They may be friends of hers, and what they do towards her or under moments that she sees happens in both villages."""
STRANGERS = ("fourth", "fifth")
"""They never accept or ask her."""


@dataclass(frozen=True)
class Step:
    """Something that happens. `hidden`: out of Alice's sight, so in the second village only."""

    who: str
    text: str
    """A command; `{n}` stands for the speaker's number of the moment that `about` means."""
    about: int | None = None
    """Which of the moments that were posted in both villages; by position, modulo how many there are."""
    hidden: bool = False


@dataclass(frozen=True)
class Touch:
    """Alice reacts to, answers, redacts or edits one of the events that she has seen or sent."""

    kind: str
    index: int
    text: str = ""
    who: str = ME
    hidden: bool = False


@dataclass(frozen=True)
class Wait:
    hidden: bool = False
    who: str = ME


Event = Step | Touch | Wait


class World:
    def __init__(self) -> None:
        self.village = Village()
        self.posted: list[EventId] = []
        self.sent: list[EventId] = []
        self.village.open(ME, *FRIENDS, "fourth")
        self.village.befriend(ME, "bob")
        self.village.befriend("bob", "fourth")
        self.village.befriend("bob", "carol")
        for name in ("bob", ME):
            self._say(name, "post The first", EventId(f"$first-{name}"))

    def live(self, events: Sequence[Event], *, all_of_it: bool) -> list[str]:
        """All that Alice received."""
        for index, event in enumerate(events):
            if event.hidden and not all_of_it:
                continue
            if not event.hidden:
                self.village.now += 1000
            name = EventId(f"${'hidden' if event.hidden else 'shared'}-{index}")
            match event:
                case Wait():
                    self.village.wait(90_000)
                case Touch():
                    self._touch(event, name)
                case Step():
                    self._step(event, name)
        log = self.village.rooms[ME].log
        self.village.close()
        return log

    def _step(self, step: Step, name: EventId) -> None:
        if step.who not in self.village.rooms:
            self.village.open(step.who)
        text = step.text
        if step.about is not None:
            number = self._number(step.who, self.posted[step.about % len(self.posted)])
            if number is None:
                return
            text = text.format(n=number)
        self._say(step.who, text, name, keep=not step.hidden)

    def _say(self, who: str, text: str, name: EventId, *, keep: bool = True) -> None:
        self.village.next_event = name
        self.village.say(who, text)
        if keep and text.startswith("post"):
            self.posted.append(name)
        if keep and who == ME:
            self.sent.append(name)

    def _touch(self, touch: Touch, name: EventId) -> None:
        seen = self.village.rooms[ME].events
        target = seen[touch.index % len(seen)].event_id
        self.village.next_event = name
        if touch.kind == "react":
            self.village.react(ME, target, "❤️")
            self.sent.append(name)
        elif touch.kind == "reply":
            self.village.say(ME, touch.text, target)
            self.sent.append(name)
        elif touch.kind == "redact":
            self.village.redact(ME, self.sent[touch.index % len(self.sent)])
        else:
            self.village.edit(ME, self.sent[touch.index % len(self.sent)], touch.text)
        self.village.next_event = None

    def _number(self, who: str, posted: EventId) -> int | None:
        """The speaker's number of a moment: what their own feed would have told them."""

        def work(tx: Tx) -> int | None:
            source = sources.find(tx, ACCOUNT, posted)
            person = People().get(tx, user_id(who))
            if source is None or person is None or store.moment(tx, source.ref_id) is None:
                return None
            return store.number_of(tx, person.id, source.ref_id)

        return self.village.db.run_sync(work)


def both(events: Sequence[Event]) -> tuple[list[str], list[str]]:
    return World().live(events, all_of_it=False), World().live(events, all_of_it=True)


# --- what may happen -----------------------------------------------------------------------------------------
_anybody = st.sampled_from([ME, *FRIENDS, *STRANGERS, "nobody"]).map(user_id)
_number = st.integers(1, 6)
_about = st.integers(0, 20)


def _said(who: str, texts: st.SearchStrategy[str], *, hidden: bool = False) -> st.SearchStrategy[Event]:
    return texts.map(lambda text: Step(who, text, hidden=hidden))


_mine = st.one_of(
    _said(ME, st.sampled_from(["feed", "feed", "feed more", "album", "friends", "profile", "post Mine", "post"])),
    _said(ME, st.builds("{} {}".format, st.sampled_from(["moment", "like", "unlike", "delete"]), _number)),
    _said(ME, st.builds("comment {} From Alice".format, _number)),
    _said(ME, st.builds("friend {} {}".format, st.sampled_from(["accept", "decline"]), _number)),
    _said(
        ME,
        st.builds(
            "{} {}".format,
            st.sampled_from(["friend add", "friend accept", "friend decline", "friend remove", "profile", "album"]),
            _anybody,
        ),
    ),
    _said(ME, st.builds("post to {} | Mine".format, _anybody)),
    st.builds(
        Touch,
        st.sampled_from(["react", "reply", "redact", "edit"]),
        st.integers(0, 40),
        st.sampled_from(["Oh", "post Oh"]),
    ),
)


def _friend(who: str) -> st.SearchStrategy[Event]:
    other = user_id("carol" if who == "bob" else "bob")
    towards = ["friend add", "friend accept", "friend remove"]
    return st.one_of(
        _said(
            who,
            st.sampled_from([f"post From {who}", f"post to @alice:x.org | Only Alice, {who}", "profile set name X"]),
        ),
        _said(who, st.builds("{} @alice:x.org".format, st.sampled_from(towards))),
        _said(who, st.builds("{} {}".format, st.sampled_from(towards), st.just(other))),
        st.builds(
            Step,
            st.just(who),
            st.sampled_from([f"comment {{n}} By {who}", "like {n}", "unlike {n}", "delete {n}"]),
            _about,
        ),
    )


def _hidden_friend(who: str) -> st.SearchStrategy[Event]:
    others = [user_id(name) for name in STRANGERS]
    return st.one_of(
        _said(
            who,
            st.sampled_from(
                [
                    "post to private | Hidden",
                    f"post to {user_id('fourth')} | Hidden",
                    f"post to {user_id('carol' if who == 'bob' else 'bob')} | Hidden",
                    "feed",
                    "feed more",
                    "album",
                    "album @alice:x.org",
                    "friends",
                ]
            ),
            hidden=True,
        ),
        _said(
            who,
            st.builds(
                "friend {} {}".format,
                st.sampled_from(["add", "accept", "decline", "remove"]),
                st.sampled_from(others),
            ),
            hidden=True,
        ),
        st.builds(Step, st.just(who), st.just("moment {n}"), _about, st.just(True)),
    )


def _stranger(who: str) -> st.SearchStrategy[Event]:
    others = [user_id(name) for name in (*FRIENDS, *STRANGERS) if name != who]
    return st.one_of(
        _said(
            who,
            st.sampled_from(
                [
                    "post Hidden",
                    "post to private | Hidden",
                    "feed",
                    "friend decline @alice:x.org",
                    "friend decline 1",
                    "friend remove @alice:x.org",
                    "profile set name Hidden",
                    "like 1",
                    "comment 1 Hidden",
                    "delete 1",
                ]
            ),
            hidden=True,
        ),
        _said(
            who,
            st.builds(
                "friend {} {}".format,
                st.sampled_from(["add", "accept", "decline", "remove"]),
                st.sampled_from(others),
            ),
            hidden=True,
        ),
        st.builds(
            Step, st.just(who), st.sampled_from(["like {n}", "unlike {n}", "comment {n} Hidden"]), _about, st.just(True)
        ),
    )


_hidden = st.one_of(*(_hidden_friend(who) for who in FRIENDS), *(_stranger(who) for who in STRANGERS))
_events: st.SearchStrategy[Event] = st.one_of(
    _mine,
    _mine,
    *(_friend(who) for who in FRIENDS),
    _hidden,
    _hidden,
    _hidden,
    st.just(Wait()),
)

# In the end she looks everywhere, and tries what could have been used up; more is hidden in between.
_LOOK: list[Event] = [
    Wait(),
    Step("bob", "post to private | Hidden", hidden=True),
    Step("fourth", "post Hidden", hidden=True),
    Step(ME, "feed"),
    *(
        Step("fourth", text, 0, hidden=True)
        for text in ("like {n}", "comment {n} Hidden", "comment {n} Hidden", "unlike {n}")
    ),
    *(Step(ME, text) for text in ("feed", "feed more", "moment 1", "moment 2", "moment 3", "friends")),
    *(Step(ME, f"{what} @{who}:x.org") for who in (*FRIENDS, *STRANGERS) for what in ("profile", "album")),
    *(Step(ME, f"comment {n} Last") for n in (1, 2, 3)),
    Step(ME, "friend add @fourth:x.org"),
    Step("fourth", "friend decline @alice:x.org", hidden=True),
    *(Step(ME, f"friend add @{who}:x.org") for who in ("fifth", "fourth", *FRIENDS)),
    *(Step(ME, f"friend remove @{who}:x.org") for who in FRIENDS),
    *(Step(ME, f"{what} {n}") for n in (1, 2, 3) for what in ("like", "delete")),
    Step(ME, "post Last"),
]


@pytest.mark.property
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_events, min_size=6, max_size=25))
def test_what_alice_may_not_see_leaves_no_trace(events: list[Event]) -> None:
    without, with_all = both([*events, *_LOOK])
    assert with_all == without


# --- that the test would notice ------------------------------------------------------------------------------
_STORY: list[Event] = [
    Step("fourth", "comment {n} Hidden", 0, hidden=True),
    Step("fourth", "like {n}", 0, hidden=True),
    Step("bob", "post to @fourth:x.org | Hidden", hidden=True),
    Step("bob", "feed", hidden=True),
    Step(ME, "feed"),
    Step(ME, "friend add @fourth:x.org"),
    Step("fourth", "friend decline @alice:x.org", hidden=True),
    Step(ME, "friend add @fourth:x.org"),
    Step(ME, "profile @fourth:x.org"),
    Step(ME, "album @fourth:x.org"),
]


def test_the_story_is_without_interference() -> None:
    without, with_all = both(_STORY)
    assert with_all == without


@pytest.mark.parametrize("name", ["_response", "_moment"])
def test_a_policy_that_says_yes_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    yes: Callable[..., Decision] = lambda *_: Decision(True, Rule.DEFAULT)  # noqa: E731
    monkeypatch.setattr(model, name, yes)
    if name == "_moment":
        # SQL narrows too; here nothing but the policy stands in the way.
        monkeypatch.setattr(store, "newest_by", _everything_by)
    else:
        monkeypatch.setattr(store, "_narrowed", lambda query, *_: query)
    without, with_all = both(_STORY)
    assert with_all != without


def _everything_by(tx: Tx, author: int, reader: int, before: object, since: object, limit: int, **more: bool) -> object:
    return _newest_by(tx, author, author, before, None, limit)  # type: ignore[arg-type]


_newest_by = store.newest_by
