"""The libolm client itself, on a real homeserver, without the bot. If these fail, tests that use it tell nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_attachment import AttachmentError
from tests.e2e.clients.olm_client import MatrixHttpError, OlmClient

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"


class People:
    """Every test gets people of its own; their clients end with the test."""

    def __init__(self, hs: Homeserver, clients: AsyncExitStack) -> None:
        self.hs, self._clients = hs, clients

    async def account(self, name: str) -> str:
        user = f"{name}-{uuid4().hex[:8]}"
        await self.hs.register(user, PASSWORD)
        return user

    async def login(self, user: str, client: OlmClient | None = None, *, cross_sign: bool = True) -> OlmClient:
        client = await self._clients.enter_async_context(client or OlmClient())
        await client.login(self.hs.url, user, PASSWORD, cross_sign=cross_sign)
        return client

    async def person(self, name: str, client: OlmClient | None = None, *, cross_sign: bool = True) -> OlmClient:
        return await self.login(await self.account(name), client, cross_sign=cross_sign)

    async def dm(self, one: OlmClient, other: OlmClient) -> str:
        room = await one.create_dm(other.user_id)
        assert await other.wait_invite(one.user_id) == room
        await other.join(room)
        await one.wait_membership(room, other.user_id, "join")
        return room


@pytest.fixture
async def people(servers: tuple[Homeserver, Homeserver]) -> AsyncIterator[People]:
    async with AsyncExitStack() as clients:
        yield People(servers[0], clients)


async def hear(client: OlmClient, room: str, body: str) -> Message:
    return await client.wait_message(room, lambda message: message.body == body)


async def on_the_wire(client: OlmClient, room: str, event_id: str) -> dict[str, object]:
    event = await client.http("GET", f"/_matrix/client/v3/rooms/{room}/event/{event_id}")
    assert event["type"] == "m.room.encrypted"
    content: dict[str, object] = event["content"]
    return content


async def test_messages_both_ways_replies_threads_edits_and_redactions(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)

    asked = await alice.send(room, "shall we meet? 你好")
    seen = await bob.wait_message(room, lambda message: message.event_id == asked)
    assert (seen.sender, seen.body, seen.type) == (alice.user_id, "shall we meet? 你好", "m.room.message")
    assert seen.shield is None
    assert seen.decryption_failure is None

    answered = await bob.send(room, "yes", reply_to=asked)
    (answer,) = await alice.replies(room, asked)
    assert (answer.event_id, answer.body, answer.shield) == (answered, "yes", None)

    threaded = await alice.send(room, "where?", thread_root=asked)
    in_thread = await bob.wait_message(room, lambda message: message.event_id == threaded)
    assert (in_thread.thread_root, in_thread.reply_to) == (asked, asked)

    await alice.edit(room, asked, "shall we meet today?")
    edited = await hear(bob, room, "shall we meet today?")
    assert edited.event_id == asked

    await alice.react(room, answered, "👍")
    reaction = await bob.wait_message(room, lambda message: message.type == "m.reaction")
    assert reaction.relates_to == {"rel_type": "m.annotation", "event_id": answered, "key": "👍"}

    await bob.redact(room, answered)
    gone = await alice.wait_message(room, lambda message: message.redacted)
    assert (gone.event_id, gone.body, gone.content) == (answered, "", {})
    assert [message.body for message in alice.timeline(room) if message.type == "m.room.message"] == [
        "shall we meet today?",
        "",
        "where?",
    ]


async def test_pictures_come_back_and_a_changed_file_is_refused(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    picture = os.urandom(70_001)
    await alice.send_image(room, picture, "image/png", caption="the harbour")
    shown = await hear(bob, room, "the harbour")
    assert shown.content["msgtype"] == "m.image"
    assert await bob.download_image(shown) == picture
    stored = await alice.homeserver.download(
        "/_matrix/client/v1/media/download/" + shown.content["file"]["url"].removeprefix("mxc://")
    )
    assert picture[:64] not in stored
    assert len(stored) == len(picture)

    shown.content["file"]["url"] = await alice.upload(stored[:-1] + b"?", "application/octet-stream")
    with pytest.raises(AttachmentError, match="hash"):
        await bob.download_image(shown)


async def test_deprecated_fields_are_written_or_left_out_and_not_needed(people: People) -> None:
    alice = await people.person("alice", OlmClient(deprecated_fields=False))
    bob = await people.person("bob")
    room = await people.dm(alice, bob)
    new, old = await alice.send(room, "without"), await bob.send(room, "with")
    assert (await hear(bob, room, "without")).shield is None
    assert (await hear(alice, room, "with")).shield is None
    assert not {"sender_key", "device_id"} & (await on_the_wire(alice, room, new)).keys()
    wire = await on_the_wire(alice, room, old)
    assert (wire["sender_key"], wire["device_id"]) == (bob.machine.curve25519, bob.device_id)


async def test_devices_that_nobody_signed_show_a_shield(people: People) -> None:
    alice, bob = await people.person("alice", cross_sign=False), await people.person("bob")
    room = await people.dm(alice, bob)
    await alice.send(room, "who am I?")
    assert (await hear(bob, room, "who am I?")).shield == "unsigned_device"
    await alice.publish_identity()
    await alice.send(room, "signed now")
    await bob.wait_trusted(room, (await hear(bob, room, "signed now")).event_id)
    assert (await hear(bob, room, "who am I?")).shield is None


async def test_an_identity_is_kept_by_a_second_device_and_replaced_on_demand(people: People) -> None:
    account = await people.account("alice")
    first, bob = await people.login(account), await people.person("bob")
    second = await people.login(account)
    assert second.identity is None
    room = await people.dm(first, bob)
    await second.wait_membership(room, bob.user_id, "join")
    await bob.send(room, "to both")
    assert (await hear(first, room, "to both")).shield is None
    assert (await hear(second, room, "to both")).shield is None
    await second.publish_identity()
    await second.send(room, "from the second")
    assert (await hear(bob, room, "from the second")).shield is None
    await first.send(room, "from the first")
    assert (await hear(bob, room, "from the first")).shield == "unsigned_device"


async def test_sessions_rotate_by_number_and_when_somebody_leaves(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    carol = await people.person("carol")
    rotation = {"type": "m.room.encryption", "state_key": ""} | {
        "content": {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 2}
    }
    guests = [bob.user_id, carol.user_id]
    room = await alice.create_room(guests, encrypted=False, initial_state=[rotation], name="three")
    for guest in (bob, carol):
        await guest.join(await guest.wait_invite())
    sent = [await alice.send(room, f"message {number}") for number in range(3)]
    first, second, third = [(await on_the_wire(alice, room, event))["session_id"] for event in sent]
    assert first == second != third
    assert (await hear(carol, room, "message 2")).shield is None

    await alice.kick(room, carol.user_id)
    await carol.wait_membership(room, carol.user_id, "leave")
    secret = await alice.send(room, "without carol")
    assert (await hear(bob, room, "without carol")).shield is None
    session_id = str((await on_the_wire(alice, room, secret))["session_id"])
    assert session_id != third
    assert (room, session_id) in bob.megolm.inbound
    assert (room, session_id) not in carol.megolm.inbound


async def test_words_of_one_person_under_another_name_and_replays_are_refused(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    carol = await people.person("carol")
    room = await alice.create_room([bob.user_id, carol.user_id])
    for guest in (bob, carol):
        await guest.join(await guest.wait_invite())
    forged = await bob.encrypt_megolm(room, "m.room.message", {"msgtype": "m.text", "body": "I owe bob 100"})
    stolen = await alice.send_raw(room, "m.room.encrypted", forged, encrypt=False)
    seen = await carol.wait_message(room, lambda message: message.event_id == stolen)
    assert (seen.decryption_failure, seen.type, seen.body) == ("mismatched_sender", "m.room.encrypted", "")

    once = await alice.encrypt_megolm(room, "m.room.message", {"msgtype": "m.text", "body": "one beer"})
    first, again = [await alice.send_raw(room, "m.room.encrypted", once, encrypt=False) for _ in range(2)]
    assert (await hear(carol, room, "one beer")).event_id == first
    replayed = await carol.wait_message(room, lambda message: message.event_id == again)
    assert replayed.decryption_failure == "replayed_index"


async def test_a_client_whose_keys_were_all_claimed_is_still_reached(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    await bob.pause()
    claimed = [await alice.claim_keys(bob.user_id, bob.device_id) for _ in range(51)]
    assert len({str(key) for key in claimed}) == 51
    assert not any("fallback" in str(key) for key in claimed[:50])
    assert "fallback" in str(claimed[50])
    await alice.send(room, "over the fallback key")
    bob.resume()
    assert (await hear(bob, room, "over the fallback key")).shield is None

    # The server got new one-time keys as soon as the client was back.
    carol = await people.person("carol")
    assert "fallback" not in str(await carol.claim_keys(bob.user_id, bob.device_id))


async def test_what_cannot_be_read_says_why_and_is_read_when_the_key_comes(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    sent = await alice.send(room, "before")
    await hear(bob, room, "before")
    late = await people.login(bob.user_id)
    await late.wait_membership(room, alice.user_id, "join")
    (unread,) = [message for message in late.timeline(room) if message.event_id == sent]
    assert (unread.decryption_failure, unread.type) == ("missing_key", "m.room.encrypted")

    key = alice.megolm.outbound[room].session
    content = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "room_id": room,
        "session_id": key.id,
        "session_key": key.session_key,
    }
    wrapped = await alice.encrypt_olm(bob.user_id, late.device_id, "m.room_key", content)
    await alice.send_to_device_raw("m.room.encrypted", {bob.user_id: {late.device_id: wrapped}})
    await alice.send(room, "after")
    await hear(late, room, "after")
    # That key begins after the old message: the ratchet does not turn back.
    (unread,) = [message for message in late.timeline(room) if message.event_id == sent]
    assert unread.decryption_failure == "bad_ciphertext:UNKNOWN_MESSAGE_INDEX"


async def test_a_broken_olm_session_is_replaced(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    await alice.send(room, "one")
    await hear(bob, room, "one")
    await bob.send(room, "two")
    await hear(alice, room, "two")
    bob.machine.sessions.clear()
    bob.megolm.inbound.clear()
    del alice.megolm.outbound[room]
    unread = await alice.send(room, "lost")
    await bob.wait_message(room, lambda m: m.event_id == unread and m.decryption_failure == "missing_key")

    def renewed() -> bool | None:
        return True if any(event["type"] == "m.dummy" for event in alice.inbox.to_device) else None

    await alice.inbox.until(renewed, 30, "m.dummy")
    del alice.megolm.outbound[room]
    await alice.send(room, "found")
    assert (await hear(bob, room, "found")).shield is None


async def test_gaps_are_closed_in_order(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob", OlmClient(timeline_limit=3))
    room = await people.dm(alice, bob)
    await alice.send(room, "start")
    await hear(bob, room, "start")
    await bob.pause()
    for number in range(12):
        await alice.send(room, f"number {number}")
    bob.resume()
    await hear(bob, room, "number 11")
    bodies = [message.body for message in bob.timeline(room) if message.body.startswith("number")]
    assert bodies == [f"number {number}" for number in range(12)]


async def test_garbage_leaves_the_client_alive(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    box = bob.machine.curve25519
    rubbish: list[dict[str, Any]] = [
        {},
        {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": 7, "ciphertext": []},
        *[
            {
                "algorithm": "m.olm.v1.curve25519-aes-sha2",
                "sender_key": key,
                "ciphertext": {box: {"type": kind, "body": body}},
            }
            for key in (alice.machine.curve25519, "x", "ü")
            for kind in (0, 1, 2, "0", True)
            for body in ("", "garbage", "äöü", "A" * 64)
        ],
    ]
    for content in rubbish:
        await alice.send_to_device_raw("m.room.encrypted", {bob.user_id: {bob.device_id: content}})
    broken: list[dict[str, Any]] = [
        {"algorithm": 1},
        {"algorithm": "m.megolm.v1.aes-sha2", "session_id": [], "ciphertext": {}},
        {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "x", "ciphertext": "ü", "m.relates_to": 3},
    ]
    for content in broken:
        await alice.send_raw(room, "m.room.encrypted", content, encrypt=False)
    for body in ("ü", "A", ""):
        good = await alice.encrypt_megolm(room, "m.room.message", {"msgtype": "m.text", "body": "x"})
        await alice.send_raw(room, "m.room.encrypted", {**good, "ciphertext": body}, encrypt=False)
    await alice.send(room, "still there?")
    assert (await hear(bob, room, "still there?")).shield is None


async def test_raw_events_and_errors_of_the_server(people: People) -> None:
    alice, bob = await people.person("alice"), await people.person("bob")
    room = await people.dm(alice, bob)
    await alice.send_raw(room, "m.room.message", {"msgtype": "m.text", "body": "in the clear"}, encrypt=False)
    assert (await hear(bob, room, "in the clear")).shield == "unencrypted"
    await alice.send_raw(room, "org.example.custom", {"answer": 42}, encrypt=True)
    custom = await bob.wait_message(room, lambda message: message.type == "org.example.custom")
    assert custom.content == {"answer": 42}
    with pytest.raises(MatrixHttpError) as refused:
        await alice.http("GET", "/_matrix/client/v3/rooms/!nowhere:localhost/state")
    assert refused.value.errcode == "M_FORBIDDEN"
    await bob.leave(room)
    await alice.wait_membership(room, bob.user_id, "leave")


async def test_elements_crypto_and_libolm_trust_and_understand_each_other(
    people: People, js: JsProcess, tmp_path: Path
) -> None:
    account = await people.account("bob")
    alice = await people.person("alice", OlmClient(deprecated_fields=False))
    bob = await js.login(account, people.hs.url, account, PASSWORD, exclude_insecure=True)
    room = await alice.create_dm(bob.user_id)
    assert await bob.wait_invite(alice.user_id) == room
    await bob.join(room)
    await alice.wait_membership(room, bob.user_id, "join")
    asked = await alice.send(room, "hello 你好")
    seen = await bob.wait_message(room, lambda message: message.body == "hello 你好")
    assert (seen.shield, seen.decryption_failure) == (None, None)
    await bob.send(room, "hi", reply_to=asked)
    (answer,) = await alice.replies(room, asked)
    assert (answer.body, answer.shield) == ("hi", None)
    picture = os.urandom(5_000)
    sent = await alice.send_image(room, picture, "image/png")
    await bob.wait_message(room, lambda message: message.event_id == sent)
    await bob.download_image(room, sent, tmp_path / "picture")
    assert (tmp_path / "picture").read_bytes() == picture
    await bob.stop()
