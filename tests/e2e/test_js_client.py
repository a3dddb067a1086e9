"""The JavaScript client itself: two people, one homeserver, no bot. If these fail, other e2e tests tell nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.clients.js import JsClient, JsError, JsMessage, JsProcess

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"


class Town:
    """A homeserver and a process to log people in with; every test gets people of its own."""

    def __init__(self, hs: Homeserver, js: JsProcess) -> None:
        self._hs, self._js = hs, js
        self.clients: list[JsClient] = []

    async def register(self, name: str) -> str:
        user = f"{name}-{uuid4().hex[:8]}"
        await self._hs.register(user, PASSWORD)
        return user

    async def login(self, user: str, **options: object) -> JsClient:
        name = f"{user}-{uuid4().hex[:4]}"
        client = await self._js.login(name, self._hs.url, user, PASSWORD, **options)  # type: ignore[arg-type]
        self.clients.append(client)
        return client

    async def person(self, name: str, **options: object) -> JsClient:
        return await self.login(await self.register(name), **options)

    async def dm(self, one: JsClient, other: JsClient) -> str:
        room = await one.create_dm(other.user_id)
        assert await other.wait_invite(one.user_id) == room
        await other.join(room)
        await one.wait_membership(room, other.user_id, "join")
        return room


@pytest.fixture
async def town(servers: tuple[Homeserver, Homeserver], js: JsProcess) -> AsyncIterator[Town]:
    town = Town(servers[0], js)
    yield town
    for client in town.clients:
        with contextlib.suppress(JsError):  # it has logged out
            await client.stop()


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def test_people_who_exclude_insecure_devices_talk_without_a_warning(town: Town) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)

    question = await alice.send(room, "Tea?", formatted="<b>Tea?</b>")
    heard = await bob.wait_message(room, lambda m: m.event_id == question and m.readable)
    assert (heard.sender, heard.body, heard.formatted_body) == (alice.user_id, "Tea?", "<b>Tea?</b>")
    assert heard.shield is None
    assert heard.encrypted

    answer = await bob.send(room, "Yes", reply_to=question)
    [reply] = await alice.replies(room, question)
    assert (reply.event_id, reply.body, reply.shield) == (answer, "Yes", None)

    stored = await alice.request("GET", f"/rooms/{room}/event/{answer}")
    assert stored["type"] == "m.room.encrypted"
    assert "body" not in stored["content"]

    assert (await alice.user_trust(bob.user_id))["hasIdentity"]
    assert (await alice.device_trust(bob.user_id))[bob.device_id]["signed"]
    assert await alice.members(room) == {alice.user_id: "join", bob.user_id: "join"}


async def test_ask_finds_its_own_answer_among_others(town: Town) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)

    async def parrot(count: int) -> None:
        for message in await bob.wait_messages(room, lambda m: m.readable, count):
            await bob.send(room, f"{message.body} to you", reply_to=message.event_id, thread_root=message.thread_root)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parrot(3))
        asked = [tasks.create_task(alice.ask(room, word)) for word in ("one", "two", "three")]
    assert [task.result().body for task in asked] == ["one to you", "two to you", "three to you"]

    root = asked[0].result().event_id
    mark = bob.mark()
    threaded = await alice.send(room, "here", thread_root=root)
    seen = await bob.wait_message(room, lambda m: m.event_id == threaded and m.readable, since=mark)
    assert (seen.thread_root, seen.reply_to) == (root, root)

    with pytest.raises(TimeoutError, match="0 of 1 expected"):
        await bob.wait_message(room, lambda m: m.body == "never said", 0.2)


async def test_edits_reactions_and_redactions_arrive(town: Town) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)
    sent = await alice.send(room, "Tee?")
    await bob.wait_message(room, lambda m: m.event_id == sent and m.readable)

    await alice.edit(room, sent, "Tea?")
    edited = await bob.wait_message(room, lambda m: m.event_id == sent and m.edited and m.readable)
    assert edited.body == "Tea?"
    assert edited.shield is None

    reaction = await bob.react(room, sent, "👍")
    seen = await alice.wait_message(room, lambda m: m.event_id == reaction)
    assert seen.type == "m.reaction"
    assert seen.relates_to == {"rel_type": "m.annotation", "event_id": sent, "key": "👍"}
    assert seen.shield is None

    await bob.redact(room, reaction)
    await alice.wait_message(room, lambda m: m.event_id == reaction and m.redacted)
    await alice.redact(room, sent, "never mind")
    gone = await bob.wait_message(room, lambda m: m.event_id == sent and m.redacted)
    assert (gone.body, gone.content, gone.shield, gone.decryption_failure) == ("", {}, None, None)
    timeline = {message.event_id: message for message in await bob.messages(room)}
    assert timeline[sent].redacted


async def test_a_picture_arrives_as_it_was(town: Town, tmp_path: Path) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)
    picture = tmp_path / "garden.png"
    picture.write_bytes(png(16, 9))

    sent = await alice.send_image(room, picture, "image/png", caption="The garden")
    message = await bob.wait_message(room, lambda m: m.event_id == sent and m.readable)
    assert (message.msgtype, message.body, message.shield) == ("m.image", "The garden", None)
    assert message.content["filename"] == "garden.png"
    assert message.content["info"] == {"mimetype": "image/png", "size": picture.stat().st_size, "w": 16, "h": 9}

    copy = tmp_path / "copy.png"
    result = await bob.download_image(room, sent, copy)
    assert result["encrypted"]
    assert result["size"] == picture.stat().st_size
    assert hashlib.sha256(copy.read_bytes()).digest() == hashlib.sha256(picture.read_bytes()).digest()

    # A file that is not what its sender encrypted is refused.
    content = dict(message.content)
    content["file"] = {**content["file"], "hashes": {"sha256": "A" * 43}}
    forged = await alice.send_raw(room, "m.room.message", content, encrypted=True)
    await bob.wait_message(room, lambda m: m.event_id == forged and m.readable)
    with pytest.raises(JsError, match="SHA-256"):
        await bob.download_image(room, forged, tmp_path / "forged.png")
    assert not (tmp_path / "forged.png").exists()


async def test_insecure_devices_are_excluded_both_ways(town: Town) -> None:
    alice, bob = await asyncio.gather(
        town.person("alice"), town.person("bob", cross_signing="none", exclude_insecure=False)
    )
    room = await town.dm(alice, bob)

    sent = await bob.send(room, "Hello")
    unread = await alice.wait_message(room, lambda m: m.event_id == sent and m.decryption_failure is not None)
    assert unread.decryption_failure == "UNSIGNED_SENDER_DEVICE"
    assert not unread.readable

    sent = await alice.send(room, "Hello?")
    unread = await bob.wait_message(room, lambda m: m.event_id == sent and m.decryption_failure is not None)
    assert unread.decryption_failure == "MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE"

    carol = await town.person("carol", exclude_insecure=False)
    room = await town.dm(bob, carol)
    sent = await bob.send(room, "Hello")
    warned = await carol.wait_message(room, lambda m: m.event_id == sent and m.readable)
    assert (warned.body, warned.shield, warned.shield_color) == ("Hello", "unsigned_device", "red")


async def test_plaintext_in_an_encrypted_room_is_marked(town: Town) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)
    sent = await alice.send_raw(room, "m.room.message", {"msgtype": "m.text", "body": "oops"}, encrypted=False)
    seen = await bob.wait_message(room, lambda m: m.event_id == sent)
    assert (seen.body, seen.encrypted, seen.shield) == ("oops", False, "unencrypted")


async def test_a_further_device_is_signed_with_the_recovery_key(town: Town) -> None:
    user = await town.register("alice")
    first, bob = await asyncio.gather(town.login(user), town.person("bob"))
    key = await first.set_up_recovery()
    with pytest.raises(JsError, match="recoveryKey"):
        await town.login(user)
    second = await town.login(user, recovery_key=key)
    room = await town.dm(second, bob)
    sent = await second.send(room, "From my other phone")
    heard = await bob.wait_message(room, lambda m: m.event_id == sent and m.readable)
    assert heard.shield is None
    await second.logout()
    with pytest.raises(JsError, match="is logged in"):
        await second.rooms()


async def test_many_messages_at_once_all_arrive_in_order(town: Town) -> None:
    alice, bob = await asyncio.gather(town.person("alice"), town.person("bob"))
    room = await town.dm(alice, bob)
    bodies = [f"number {n}" for n in range(30)]
    for body in bodies:
        await alice.send(room, body)
    heard: list[JsMessage] = await bob.wait_messages(room, lambda m: m.readable, len(bodies))
    assert [message.body for message in heard] == bodies
    shown = await bob.messages(room, limit=10)
    assert [message.body for message in shown] == bodies[-10:]


async def test_node_ends_with_its_owner() -> None:
    async with JsProcess() as js:
        pid = js.pid
        with pytest.raises(JsError, match="no client"):
            await js.call("nobody", "rooms")
    assert not alive(pid)

    script = (
        "import asyncio\n"
        "from tests.e2e.clients.js import JsProcess\n"
        "async def main():\n"
        "    async with JsProcess() as js:\n"
        "        print(js.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert alive(pid)
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110 - the end of somebody else's child is no event for us
            await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
