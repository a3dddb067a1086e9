"""P6: denied, gone and never there get the same answer, to the byte."""

import itertools
from typing import Any

import pytest

from bridge.vault import Vault
from tests.features.settled import Settled
from tests.features.village import MINUTE, Village

DAY = 24 * 60 * MINUTE
ALICE, BOB = "@alice:x.org", "@bob:x.org"

# What happens to a moment of Bob that Alice was shown as her #1; an empty list: her #1 is something else.
GONE: dict[str, list[tuple[str, str]]] = {
    "left out": [("bob", f"tag add #out {ALICE}")],
    "deleted": [("bob", "delete 1")],
    "blocked": [("bob", f"block {ALICE}")],
    "shut out": [("bob", f"privacy set mine {ALICE} off")],
    "shut out by a tag": [("bob", "privacy set mine #in off")],
    "chats only": [("bob", f"privacy set chats-only {ALICE} on")],
    "too old": [("bob", "privacy set window 3d")],
    "parted by him": [("bob", f"friend remove {ALICE}")],
    "parted by her": [("alice", f"friend remove {BOB}")],
    "hidden by her": [("alice", f"privacy set theirs {BOB} off")],
    "blocked by her": [("alice", f"block {BOB}")],
    "chats only for her": [("alice", f"privacy set chats-only {BOB} on")],
}
_ASKED = ["moment {n}", "like {n}", "unlike {n}", "comment {n} Hello", "comment {n}", "delete {n}"]


@Settled
def _village(village: Village) -> None:
    village.open("alice", "bob", "carol")
    village.befriend("alice", "bob")
    village.befriend("carol", "bob")
    village.say("bob", "tag add #out @carol:x.org")
    village.say("bob", f"tag add #in {ALICE}")


def _about(village: Village, number: int) -> list[list[str]]:
    """All answers about a number of Alice's, with the number taken out."""
    return [[body.replace(str(number), "N") for body in village.say("alice", text.format(n=number))] for text in _ASKED]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_moment(language: str) -> None:
    answers: dict[str, list[list[str]]] = {}
    for reason, happens in GONE.items():
        village = _village()
        village.say("alice", f"language {language}")
        village.say("bob", "post to friends except #out | Look")
        village.wait(4 * DAY)
        assert "Look" in village.one("alice", "album @bob:x.org")
        village.say("alice", "comment 1 Mine")
        village.say("alice", "like 1")
        for who, text in happens:
            village.say(who, text)
        answers[reason] = _about(village, 1)
        answers["never was"] = _about(village, 9)
        village.close()
    assert len({str(answer) for answer in answers.values()}) == 1, answers


@pytest.mark.parametrize("reason", [reason for reason in GONE if "her" not in reason])
def test_an_album_and_a_feed(reason: str) -> None:
    """Of a friend who shows nothing any more and of one who never showed anything."""
    village = _village()
    village.say("bob", "post to friends except #out | Look")
    village.wait(4 * DAY)
    for who, text in GONE[reason]:
        village.say(who, text)
    seen = [village.say("alice", text) for text in ("album @bob:x.org", "feed more", "feed", "feed more")]
    village.close()
    other = _village()
    nothing = [other.say("alice", text) for text in ("album @bob:x.org", "feed more", "feed", "feed more")]
    other.close()
    assert seen == nothing


CLOSED_FIELDS = {
    "never filled in": [],
    "for himself": ["profile set bio X", "privacy set bio me"],
    "for another": ["profile set bio X", "privacy set bio @carol:x.org"],
    "for another tag": ["profile set bio X", "privacy set bio #out"],
    "left out": ["profile set bio X", f"privacy set bio friends except {ALICE}"],
    "left out by a tag": ["profile set bio X", "privacy set bio everyone except #in"],
    "cleared": ["profile set bio X", "profile set bio"],
    "blocked": ["profile set bio X", f"block {ALICE}"],
}


def test_a_field() -> None:
    answers = {}
    for reason, happens in CLOSED_FIELDS.items():
        village = _village()
        for text in happens:
            village.say("bob", text)
        answers[reason] = village.say("alice", "profile @bob:x.org")
        village.close()
    assert len({str(answer) for answer in answers.values()}) == 1, answers


# --- among people who were never friends ---------------------------------------------------------------------
NEVER_FRIENDS: dict[str, list[str]] = {
    "open": [],
    "declines": ["friend decline @alice:x.org"],
    "closed": ["privacy set by-id off", "privacy set by-room off"],
    "blocks": [f"block {ALICE}"],
    "shows friends only": ["post Hidden", "profile set name Hidden", "profile set phone 5"],
    "leaves her out": [
        "privacy set strangers on",
        f"post to public except {ALICE} | Hidden",
    ],
    "hides her": [f"privacy set theirs {ALICE} off", f"remark {ALICE} Hidden"],
}
_FOLLOW = [
    "profile @WHO:x.org",
    "album @WHO:x.org",
    "feed more",
    "friend add @WHO:x.org Hello",
    "friend add @WHO:x.org",
    "friends",
    "profile @WHO:x.org",
    "album @WHO:x.org",
    "friend remove @WHO:x.org",
    "friend remove @WHO:x.org",
    "friend add @WHO:x.org Again",
    "friend accept @WHO:x.org",
    "friend decline @WHO:x.org",
    "remark @WHO:x.org X",
    "tag add #t @WHO:x.org",
    "post to @WHO:x.org | Hello",
    "post to friends except @WHO:x.org | Hello",
    "privacy set mine @WHO:x.org off",
    "view as @WHO:x.org",
    "why can @WHO:x.org see 1",
    "block @WHO:x.org",
    "friend add @WHO:x.org",
    "unblock @WHO:x.org",
    "unblock @WHO:x.org",
    "friend add @WHO:x.org",
    "privacy",
]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_account(language: str) -> None:
    """Somebody who is here, whatever they decided, and somebody who never was: the same, all the way through."""
    answers: dict[str, list[list[str]]] = {}
    for reason, happens in {"never was here": [], **NEVER_FRIENDS}.items():
        village = Village()
        village.open("alice", "dave")
        village.say("alice", f"language {language}")
        if reason != "never was here":
            village.open("erin")
        answers[reason] = []
        for number, text in enumerate(_FOLLOW):
            if number in (0, 4) and reason != "never was here":
                for one in happens:
                    village.say("erin", one)
            answers[reason].append(village.say("alice", text.replace("WHO", "erin")))
        # What she is told later, too: nothing.
        village.wait(2 * MINUTE)
        answers[reason].append(village.bodies("alice")[-1:])
        village.close()
    for reason, answer in answers.items():
        assert answer == answers["never was here"], reason


def _watched(village: Village, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done from now on: statements, and values that are opened."""
    done: list[str] = []

    def note(value: str) -> None:
        done.append(value)

    village.db.watch = note
    opened = Vault.open

    def count(self: Vault, owner: int, table: str, *rest: Any) -> Any:
        note(f"open {table}")
        return opened(self, owner, table, *rest)

    monkeypatch.setattr(Vault, "open", count)
    return done


@pytest.mark.parametrize("closed", ["block @erin:x.org", "privacy set by-code off"])
def test_a_code_that_is_closed_takes_the_same_work(
    village: Village, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    village.open("erin")
    code = village.one("alice", "invite new").split("invite ")[1][:14]
    village.say("alice", closed)
    done = _watched(village, monkeypatch)
    work: list[list[str]] = []
    for one in ("NONE-NONE-NONE", code, "NONE-NONE-NONE", code):
        done.clear()
        assert "does not work" in village.one("erin", f"invite {one}")
        work.append(list(done))
    assert work[1] == work[2] == work[3]


@pytest.mark.parametrize(
    "text",
    [
        *("profile @WHO:x.org", "album @WHO:x.org", "chat @WHO:x.org", "friend accept @WHO:x.org"),
        *("friend decline @WHO:x.org", "friend remove @WHO:x.org", "remark @WHO:x.org X", "note @WHO:x.org X"),
        *("tag add #t @WHO:x.org", "tag remove #t @WHO:x.org", "privacy set mine @WHO:x.org off"),
        *("privacy set theirs @WHO:x.org off", "privacy set phone friends except @WHO:x.org"),
        *("view as @WHO:x.org", "why can @WHO:x.org see name", "unblock @WHO:x.org", "post to @WHO:x.org | X"),
        "privacy set phone @WHO:x.org",
    ],
)
def test_an_account_takes_the_same_work(village: Village, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is here or never was: the same statements and as many values opened. `make bench` takes the time."""
    village.open("erin")
    village.say("alice", "tag add #t @bob:x.org")
    done = _watched(village, monkeypatch)
    work: list[list[str]] = []
    for who in ("nobody", "erin", "somebody", "erin"):
        done.clear()
        village.say("alice", text.replace("WHO", who))
        work.append(list(done))
    assert work[1] == work[2] == work[3]


def test_the_limit_of_requests_says_nothing_about_whom_one_asked() -> None:
    answers = []
    for start in ("bob", "carol", "nobody"):
        other = Village()
        other.open("alice", "bob", "carol")
        other.say("bob", "privacy set by-id off")
        other.say("carol", f"block {ALICE}")
        said = [other.one("alice", f"friend add @{start}:x.org").replace(start, "X")]
        said += [other.one("alice", f"friend add @p{n}:x.org") for n in range(50)]
        answers.append(said)
        other.close()
    assert answers[0] == answers[1] == answers[2]
    assert "still unanswered" in answers[0][-1]


CODES: dict[str, list[str]] = {
    "used up": ["used"],
    "expired": ["wait"],
    "revoked": ["invite revoke CODE"],
    "by-code off": ["privacy set by-code off"],
    "blocked": [f"block {ALICE}"],
    "blocked and off": [f"block {ALICE}", "privacy set by-code off"],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_invite_code(language: str) -> None:
    answers: dict[str, list[list[str]]] = {}
    asked = ["invite CODE", "invite CODE", "invite revoke CODE", "friends", "profile @erin:x.org"]
    asked += ["friend add @erin:x.org", "friend remove @erin:x.org"]
    for reason, happens in {"wrong": [], **CODES}.items():
        village = Village()
        village.open("alice", "erin", "fred")
        village.say("alice", f"language {language}")
        code = village.one("erin", "invite new 1 1d").split("invite ")[1][:14]
        for text in happens:
            if text == "used":
                village.say("fred", f"invite {code}")
            elif text == "wait":
                village.wait(2 * DAY)
            else:
                village.say("erin", text.replace("CODE", code))
        typed = "AAAA-AAAA-AAAA" if reason == "wrong" else code
        answers[reason] = [village.say("alice", text.replace("CODE", typed)) for text in asked]
        village.close()
    for reason, answer in answers.items():
        assert answer == answers["wrong"], reason


def test_an_answer_is_due_since_its_question_came() -> None:
    """Not since its work was done: it leaves at a beat that the time of the work can't move."""
    village = _village()
    times = itertools.count(village.now)
    village.db.clock = times.__next__  # each look at the clock is a millisecond later
    came = village.now + 1
    village.db.clock()
    village.say_only("alice", "moment 99")
    [row] = village.db.run_sync(lambda tx: tx.sql("SELECT not_before, created_at FROM outbox").all())
    assert row.not_before == came
    assert row.created_at > came
    village.close()
