"""The verification by emoji against libolm's implementation: the values, and everything that may go wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.ids import DeviceId, UserId
from bridge.matrix.sas import Sas, Step
from bridge.matrix.sas_values import ACCEPT, CANCEL, DONE, KEY, MAC, READY, START, Code, Flow, Party, Send
from tests.unit.matrix.sas_peer import OLD, V2, SasPeer

BOT, ALICE = ("@bot:example.org", "BOT"), ("@alice:two.example.org", "PHONE")
BOTS = {"ed25519:BOT": "B" * 43, "ed25519:" + "M" * 43: "M" * 43}
ALICES = {"ed25519:PHONE": "A" * 43, "ed25519:" + "N" * 43: "N" * 43}


def party(who: tuple[str, str], keys: dict[str, str]) -> Party:
    return Party(UserId(who[0]), DeviceId(who[1]), keys)


class Talk:
    def __init__(self, *, automatic: bool = True, step: Step = Step.REQUESTED, **peer: Any) -> None:
        self.bot = Sas(
            Flow("flow"),
            party(BOT, BOTS),
            party(ALICE, ALICES),
            step=step,
            requested=step is Step.REQUESTED,
            automatic=automatic,
        )
        self.alice = SasPeer("flow", ALICE, BOT, ALICES, BOTS, **peer)

    def ready(self) -> None:
        [ready] = self.bot.answer(["m.sas.v1", "m.qr_code.show.v1"])
        assert (ready.type, ready.content["methods"], ready.content["from_device"]) == (READY, ["m.sas.v1"], "BOT")

    def to_emoji(self, *, bot_starts: bool = False) -> None:
        if bot_starts:
            [start] = self.bot.start()
            [key] = self.bot.receive(ACCEPT, self.alice.accept(start.content))
            assert (start.type, key.type) == (START, KEY)
            self.alice.take_key(key.content)
            assert self.bot.receive(KEY, self.alice.key()) == []
        else:
            [accept] = self.bot.receive(START, self.alice.start())
            [key] = self.bot.receive(KEY, self.alice.accepted(accept.content))
            assert (accept.type, key.type) == (ACCEPT, KEY)
            self.alice.take_key(key.content)
        assert self.bot.short_auth is not None
        assert self.bot.short_auth.decimals == self.alice.decimals()
        emoji = self.alice.emoji() if "emoji" in self.alice.shown else None
        assert self.bot.short_auth.emoji == emoji


def cancelled(sends: list[Send], code: Code) -> bool:
    return [(s.type, s.content["code"]) for s in sends] == [(CANCEL, code.code)]


@pytest.mark.parametrize("macs", [(V2, OLD), (V2,), (OLD,)], ids=["both", "v2", "old"])
@pytest.mark.parametrize("bot_starts", [False, True], ids=["they start", "we start"])
@pytest.mark.parametrize("shown", [("decimal", "emoji"), ("decimal",)], ids=["emoji", "numbers"])
def test_libolm_and_the_bot_see_the_same_and_believe_each_other(
    macs: tuple[str, ...], bot_starts: bool, shown: tuple[str, ...]
) -> None:
    talk = Talk(macs=macs, shown=shown)
    talk.ready()
    talk.to_emoji(bot_starts=bot_starts)
    assert talk.alice.mac == macs[0]
    mac, done = talk.bot.receive(MAC, talk.alice.macs_of_mine())
    assert (mac.type, done.type) == (MAC, DONE)
    talk.alice.check_macs(mac.content)
    assert talk.bot.receive(DONE, talk.alice.say()) == []
    assert talk.bot.outcome is not None
    assert (talk.bot.outcome.done, talk.bot.outcome.verified) == (True, ALICES)


def test_a_start_alone_is_enough_for_old_clients() -> None:
    talk = Talk(step=Step.READY)
    talk.to_emoji()
    sends = talk.bot.receive(MAC, talk.alice.macs_of_mine())
    assert [s.type for s in sends] == [MAC, DONE]
    assert talk.bot.outcome is not None
    assert talk.bot.outcome.done


def test_without_a_look_nothing_is_vouched_for() -> None:
    talk = Talk(automatic=False)
    talk.ready()
    talk.to_emoji()
    assert talk.bot.receive(MAC, talk.alice.macs_of_mine()) == []
    sends = talk.bot.confirm()
    assert [s.type for s in sends] == [MAC, DONE]
    talk.alice.check_macs(sends[0].content)
    assert talk.bot.confirm() == []


@pytest.mark.hostile
@pytest.mark.parametrize("macs", [(V2,), (OLD,)], ids=["v2", "old"])
def test_a_wrong_mac_ends_it(macs: tuple[str, ...]) -> None:
    def forged(content: dict[str, Any], where: str) -> dict[str, Any]:
        wrong = "A" * 43
        if where == "keys":
            return {**content, "keys": wrong}
        return {**content, "mac": {**content["mac"], where: wrong}}

    for where in ("keys", *ALICES):
        talk = Talk(macs=macs)
        talk.ready()
        talk.to_emoji()
        assert cancelled(talk.bot.receive(MAC, forged(talk.alice.macs_of_mine(), where)), Code.KEY_MISMATCH)
        assert talk.bot.outcome is not None
        assert not talk.bot.outcome.done
        assert talk.bot.receive(MAC, talk.alice.macs_of_mine()) == []

    # Right MACs of other keys than those that the bot knows: somebody sits in between.
    talk = Talk(macs=macs)
    talk.alice.keys = dict.fromkeys(ALICES, "Z" * 43)
    talk.ready()
    talk.to_emoji()
    assert cancelled(talk.bot.receive(MAC, talk.alice.macs_of_mine()), Code.KEY_MISMATCH)
    # MACs of nothing that the bot knows.
    talk = Talk(macs=macs)
    talk.alice.keys = {"ed25519:OTHER": "O" * 43}
    talk.ready()
    talk.to_emoji()
    assert cancelled(talk.bot.receive(MAC, talk.alice.macs_of_mine()), Code.KEY_MISMATCH)


@pytest.mark.hostile
def test_a_key_that_was_not_promised_ends_it() -> None:
    talk, other = Talk(), Talk()
    talk.ready()
    [start] = talk.bot.start()
    talk.bot.receive(ACCEPT, talk.alice.accept(start.content))
    assert cancelled(talk.bot.receive(KEY, other.alice.key()), Code.COMMITMENT)
    # The promise covers the start as it was sent.
    talk = Talk()
    talk.ready()
    [start] = talk.bot.start()
    accept = talk.alice.accept({**start.content, "hashes": ["sha256", "md5"]})
    talk.bot.receive(ACCEPT, accept)
    assert cancelled(talk.bot.receive(KEY, talk.alice.key()), Code.COMMITMENT)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key_agreement_protocols", ["curve25519"]),
        ("hashes", ["md5"]),
        ("message_authentication_codes", ["hmac-sha256"]),
        ("short_authentication_string", ["colours"]),
        ("method", "m.reciprocate.v1"),
    ],
)
def test_what_is_not_known_is_refused_by_name(field: str, value: object) -> None:
    talk = Talk()
    talk.ready()
    assert cancelled(talk.bot.receive(START, {**talk.alice.start(), field: value}), Code.UNKNOWN_METHOD)


def test_methods_that_are_not_known_are_refused() -> None:
    assert cancelled(Talk().bot.answer(["m.qr_code.scan.v1"]), Code.UNKNOWN_METHOD)
    assert cancelled(Talk().bot.answer("m.sas.v1"), Code.INVALID)


@pytest.mark.hostile
def test_messages_out_of_turn_end_it_and_repeated_ones_are_nothing() -> None:
    for kind in (ACCEPT, KEY, MAC, DONE, READY, "m.key.verification.nonsense"):
        talk = Talk()
        talk.ready()
        assert cancelled(talk.bot.receive(kind, talk.alice.say(key="x")), Code.UNEXPECTED), kind
    talk = Talk()
    talk.ready()
    talk.bot.receive(START, talk.alice.start())
    assert talk.bot.receive(START, talk.alice.start()) == []
    low_order = "A" * 43
    assert cancelled(talk.bot.receive(KEY, talk.alice.say(key=low_order)), Code.INVALID)


def test_of_two_starts_that_cross_the_smaller_side_counts() -> None:
    talk = Talk()  # @alice… is smaller than @bot…
    talk.ready()
    talk.bot.start()
    [accept] = talk.bot.receive(START, talk.alice.start())
    assert accept.type == ACCEPT
    [key] = talk.bot.receive(KEY, talk.alice.accepted(accept.content))
    talk.alice.take_key(key.content)
    assert talk.bot.short_auth is not None
    assert talk.bot.short_auth.emoji == talk.alice.emoji()


def test_time_outs_and_cancels() -> None:
    talk = Talk()
    talk.ready()
    assert cancelled(talk.bot.time_out(), Code.TIMEOUT)
    talk = Talk()
    talk.ready()
    talk.to_emoji()
    assert talk.bot.receive(CANCEL, talk.alice.say(code="m.user")) == []
    assert talk.bot.outcome is not None
    assert (talk.bot.outcome.done, talk.bot.outcome.code, talk.bot.outcome.by_us) == (False, "m.user", False)
    assert talk.bot.receive(MAC, talk.alice.macs_of_mine()) == []
    # All was right, only their last word is missing.
    talk = Talk()
    talk.ready()
    talk.to_emoji()
    talk.bot.receive(MAC, talk.alice.macs_of_mine())
    assert talk.bot.time_out() == []
    assert talk.bot.outcome is not None
    assert talk.bot.outcome.done
