"""Who may verify the bot, how many at once and for how long: the flows over to-device messages, with libolm's SAS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.db import Database
from bridge.db.engine import now_ms
from bridge.ids import UserId
from bridge.matrix.cross_signing import CrossSigningKeys
from bridge.matrix.rooms import Rooms
from bridge.matrix.sas_values import ACCEPT, CANCEL, DONE, KEY, MAC, READY, REQUEST, START, ShortAuth
from bridge.matrix.seal import Sealer
from bridge.matrix.sender import RoomSender
from bridge.matrix.signing import verified
from bridge.matrix.verification import Verification, VerificationSettings, heard_by_device
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device
from tests.unit.matrix.fake_homeserver import FakeHomeserver
from tests.unit.matrix.sas_peer import SasPeer

BOT, ALICE = UserId("@bot:example.org"), UserId("@alice:example.org")


async def _is_no_copy(event_id: str) -> bool:
    return False


@dataclass
class Boss:
    """The operator; answers are given by the test."""

    has_chat: bool = True
    asked: list[tuple[int, UserId, ShortAuth]] = field(default_factory=list)
    ended_with: list[tuple[int, bool]] = field(default_factory=list)

    async def ask(self, ref: int, person: UserId, shown: ShortAuth, ttl_s: float) -> bool:
        if self.has_chat:
            self.asked.append((ref, person, shown))
        return self.has_chat

    async def ended(self, ref: int, person: UserId, *, signed: bool) -> None:
        self.ended_with.append((ref, signed))


class Desk:
    """The bot's side over a fake homeserver, and Alice's clients."""

    def __init__(self, database: Database, homeserver: FakeHomeserver, device: Callable[[str], Device]) -> None:
        self.database, self.homeserver = database, homeserver
        self.bot = device("bot")
        self.bot.store.track(ALICE)
        self.identity, self.hers = CrossSigningKeys.generate(), CrossSigningKeys.generate()
        self.devices = {"ALICE": device("alice")}
        self.boss = Boss()
        self.settings = VerificationSettings()
        self.flows = 0
        self.read = 0
        self.accepts: Callable[[UserId], bool] = lambda user: True
        self.verification = self.make()

    def add_device(self, name: str) -> None:
        made = open_device(self.database, self.homeserver, name)
        made.machine.user_id = ALICE
        body = made.machine.upload_body(None, False)
        assert body is not None
        self.homeserver.add_device(body)
        self.devices[name.upper()] = made

    def make(self) -> Verification:
        rooms = Rooms(self.bot.store.account, BOT, Sealer(STORE_KEY))
        sender = RoomSender(
            BOT, self.homeserver, self.bot.store, rooms, lambda: self.bot.keys, lambda: 0, 10**9, _is_no_copy
        )
        return Verification(
            BOT,
            self.homeserver,
            self.bot.store,
            rooms,
            sender,
            lambda: self.bot.keys,
            lambda: self.identity,
            self.settings,
            lambda user: self.accepts(user),
            self.boss,
        )

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[None]:
        self.settings = VerificationSettings(**settings)
        self.verification = self.make()
        task = asyncio.create_task(self.verification.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def peer(self, device: str = "ALICE") -> SasPeer:
        self.flows += 1
        own = self.devices[device].machine.account.identity_keys["ed25519"]
        # Her master key is known to the bot once it was in an answer.
        self.bot.store.save_user(ALICE, outdated=True, master_key=self.hers.master.public)
        keys = {f"ed25519:{device}": own, f"ed25519:{self.hers.master.public}": self.hers.master.public}
        bots_own = self.bot.machine.account.identity_keys["ed25519"]
        master = self.identity.master.public
        bots = {"ed25519:BOT": bots_own, f"ed25519:{master}": master}
        return SasPeer(f"flow{self.flows}", (ALICE, device), (BOT, "BOT"), keys, bots)

    def hear(self, kind: str, content: dict[str, Any], sender: str = ALICE) -> None:
        heard = heard_by_device(sender, kind, content)
        assert heard is not None
        self.verification.hear(heard)

    def said(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(device, type, content) of all that the bot has sent to Alice's devices."""
        return [
            (device, path.split("/")[-2], content)
            for _, path, body in self.homeserver.requests
            if "/sendToDevice/m.key.verification" in path
            for device, content in body["messages"][ALICE].items()
        ]

    async def next(self, kind: str, peer: SasPeer | None = None) -> dict[str, Any]:
        """The bot's next message, which is of this type (and of this flow)."""
        async with asyncio.timeout(5):
            while len(self.said()) <= self.read:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.005)
        device, said, content = self.said()[self.read]
        self.read += 1
        assert said == kind, (said, content)
        if peer is not None:
            assert (device, content["transaction_id"]) == (peer.me[1], peer.flow)
        return content

    async def silence(self) -> None:
        await asyncio.sleep(0.1)
        assert self.said()[self.read :] == []

    async def to_emoji(self, peer: SasPeer) -> None:
        self.hear(REQUEST, peer.request(now_ms()))
        await self.next(READY, peer)
        self.hear(START, peer.start())
        self.hear(KEY, peer.accepted(await self.next(ACCEPT, peer)))
        peer.take_key(await self.next(KEY, peer))

    async def finish(self, peer: SasPeer) -> None:
        peer.check_macs(await self.next(MAC, peer))
        await self.next(DONE, peer)
        self.hear(DONE, peer.say())

    async def cancelled(self, code: str, peer: SasPeer | None = None) -> None:
        assert (await self.next(CANCEL, peer))["code"] == code

    def signatures(self) -> list[Any]:
        return [body for _, path, body in self.homeserver.requests if path.endswith("/keys/signatures/upload")]


@pytest.fixture
def desk(database: Database, homeserver: FakeHomeserver, device: Callable[[str], Device]) -> Desk:
    return Desk(database, homeserver, device)


async def test_automatic_mode_completes_and_signs_nobody(desk: Desk) -> None:
    async with desk.running():
        peer = desk.peer()
        await desk.to_emoji(peer)
        desk.hear(MAC, peer.macs_of_mine())
        await desk.finish(peer)
        await desk.silence()
        assert desk.signatures() == []
        assert desk.boss.asked == []


async def test_the_operator_compares_and_both_sign(desk: Desk) -> None:
    async with desk.running(mode="operator"):
        peer = desk.peer()
        await desk.to_emoji(peer)
        desk.hear(MAC, peer.macs_of_mine())
        await desk.silence()
        [(ref, person, shown)] = desk.boss.asked
        assert (person, shown.emoji, shown.decimals) == (ALICE, peer.emoji(), peer.decimals())
        assert desk.verification.is_open(ref)
        desk.verification.decide(ref, True)
        await desk.finish(peer)
        async with asyncio.timeout(5):
            while not desk.boss.ended_with:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.005)
        [body] = desk.signatures()
        [(key, signed)] = body[ALICE].items()
        signer = desk.identity.user_signing.public
        assert key == desk.hers.master.public
        assert verified({**signed}, BOT, signer, signer)
        assert signed["keys"] == {f"ed25519:{key}": key}
        assert not desk.verification.is_open(ref)
        desk.verification.decide(ref, True)  # too late: nothing comes of it
        await desk.silence()


async def test_the_operator_sees_a_difference(desk: Desk) -> None:
    async with desk.running(mode="operator"):
        peer = desk.peer()
        await desk.to_emoji(peer)
        desk.hear(MAC, peer.macs_of_mine())
        await desk.silence()
        desk.verification.decide(desk.boss.asked[0][0], False)
        await desk.cancelled("m.mismatched_sas", peer)
        await desk.silence()
        assert desk.boss.ended_with == [(desk.boss.asked[0][0], False)]
        assert desk.signatures() == []


async def test_nobody_to_compare_is_a_no(desk: Desk) -> None:
    desk.boss.has_chat = False
    async with desk.running(mode="operator"):
        peer = desk.peer()
        await desk.to_emoji(peer)
        await desk.cancelled("m.user", peer)
        assert desk.boss.ended_with == []


async def test_silence_ends_it_and_the_next_one_works(desk: Desk) -> None:
    async with desk.running(idle_s=0.2):
        peer = desk.peer()
        desk.hear(REQUEST, peer.request(now_ms()))
        await desk.next(READY, peer)
        await desk.cancelled("m.timeout", peer)
        desk.hear(START, peer.start())
        await desk.silence()
        peer = desk.peer()
        await desk.to_emoji(peer)
        desk.hear(MAC, peer.macs_of_mine())
        await desk.finish(peer)


async def test_comparing_takes_its_time_but_not_for_ever(desk: Desk) -> None:
    async with desk.running(mode="operator", idle_s=0.1, total_s=0.6):
        peer = desk.peer()
        await desk.to_emoji(peer)
        await asyncio.sleep(0.2)
        await desk.silence()
        await desk.cancelled("m.timeout", peer)


async def test_a_cancel_of_theirs_is_the_end(desk: Desk) -> None:
    async with desk.running(mode="operator"):
        peer = desk.peer()
        await desk.to_emoji(peer)
        desk.hear(CANCEL, peer.say(code="m.user", reason="no"))
        await desk.silence()
        ref = desk.boss.asked[0][0]
        assert desk.boss.ended_with == [(ref, False)]
        desk.verification.decide(ref, True)
        await desk.silence()
        assert desk.signatures() == []


async def test_two_at_once_from_one_device_end_both(desk: Desk) -> None:
    async with desk.running():
        first, second = desk.peer(), desk.peer()
        desk.hear(REQUEST, first.request(now_ms()))
        await desk.next(READY, first)
        desk.hear(REQUEST, second.request(now_ms()))
        ended = [await desk.next(CANCEL), await desk.next(CANCEL)]
        assert {content["transaction_id"] for content in ended} == {first.flow, second.flow}
        assert {content["code"] for content in ended} == {"m.unexpected_message"}
        third = desk.peer()
        await desk.to_emoji(third)


async def test_two_devices_at_once_are_two_verifications(desk: Desk) -> None:
    desk.add_device("phone")
    async with desk.running():
        first, second = desk.peer(), desk.peer("PHONE")
        await desk.to_emoji(first)
        await desk.to_emoji(second)
        for peer in (second, first):
            desk.hear(MAC, peer.macs_of_mine())
            await desk.finish(peer)


async def test_one_person_has_a_few_at_once(desk: Desk) -> None:
    for number in range(5):
        desk.add_device(f"phone{number}")
    async with desk.running():
        for number in range(4):
            peer = desk.peer(f"PHONE{number}")
            desk.hear(REQUEST, peer.request(now_ms()))
            await desk.next(READY, peer)
        desk.hear(REQUEST, desk.peer("PHONE4").request(now_ms()))
        await desk.silence()


async def test_unknown_methods_and_flows_are_refused(desk: Desk) -> None:
    async with desk.running():
        peer = desk.peer()
        desk.hear(REQUEST, peer.request(now_ms(), ("m.qr_code.show.v1",)))
        await desk.cancelled("m.unknown_method", peer)
        peer = desk.peer()
        desk.hear(KEY, {**peer.key(), "from_device": "ALICE"})
        await desk.cancelled("m.unknown_transaction", peer)
        desk.hear(MAC, peer.say())
        await desk.silence()  # once is enough


async def test_a_restart_in_the_middle_ends_it(desk: Desk) -> None:
    async with desk.running():
        peer = desk.peer()
        desk.hear(REQUEST, peer.request(now_ms()))
        await desk.next(READY, peer)
        desk.hear(START, peer.start())
        accept = await desk.next(ACCEPT, peer)
    async with desk.running():
        desk.hear(KEY, peer.accepted(accept))
        assert (await desk.next(CANCEL))["code"] == "m.unknown_transaction"
        peer = desk.peer()
        await desk.to_emoji(peer)


@pytest.mark.hostile
async def test_a_wrong_mac_is_told(desk: Desk) -> None:
    async with desk.running(mode="operator"):
        peer = desk.peer()
        await desk.to_emoji(peer)
        macs = peer.macs_of_mine()
        desk.hear(MAC, {**macs, "keys": "A" * 43})
        await desk.cancelled("m.key_mismatch", peer)
        await desk.silence()
        assert [signed for _, signed in desk.boss.ended_with] == [False]
        assert desk.signatures() == []


async def test_whom_nobody_answers(desk: Desk) -> None:
    async with desk.running():
        peer = desk.peer()
        hour = 3_600_000
        desk.hear(REQUEST, peer.request(now_ms() - hour))
        desk.hear(REQUEST, desk.peer().request(now_ms() + hour))
        desk.hear(REQUEST, desk.peer().request(now_ms()), sender="@stranger:example.org")
        desk.accepts = lambda user: False
        desk.hear(REQUEST, desk.peer().request(now_ms()))
        await desk.silence()
        desk.accepts = lambda user: True
        peer = desk.peer()
        peer.me = (ALICE, "NOSUCH")
        desk.hear(REQUEST, peer.request(now_ms()))
        await desk.cancelled("m.invalid_message", peer)


async def test_switched_off_is_a_no(desk: Desk) -> None:
    async with desk.running(mode="off"):
        peer = desk.peer()
        desk.hear(REQUEST, peer.request(now_ms()))
        await desk.cancelled("m.user", peer)
