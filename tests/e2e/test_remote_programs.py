"""A mini-program on a server of its developer: a real HTTPS server, people on two homeservers, clients of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.demo.synapse import Homeserver
from bridge.miniprograms import package
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.program import Program
from bridge.miniprograms.remote import signing
from bridge.miniprograms.remote.sdk import courtyard_verify as sdk
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.conftest import unique
from tests.e2e.flow import meeting, shown, told
from tests.e2e.people import Friendly, gather
from tests.e2e.test_programs import WAIT, says
from tests.unit.miniprograms.net import certified

pytestmark = pytest.mark.e2e

HOST = "tea.example.org"
SEED = bytes(range(32))
DEVELOPER = Ed25519PrivateKey.from_private_bytes(SEED)


class Developer:
    """Their server: counts cups of tea. It verifies as the documentation says, and answers a delivery once."""

    def __init__(self, certificate: Path) -> None:
        self.port = unused_port()
        self.keys: list[str] = []
        self.raw: list[str] = []
        """All that ever came in, headers and bodies."""
        self.taken: list[str] = []
        """Deliveries that were new."""
        self.came: list[str] = []
        """Deliveries, each time that they came."""
        self.left: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        """Not set: answers wait."""
        self.arrived = asyncio.Event()
        self._answers = sdk.Answers()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._deliver)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._context).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _deliver(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw.append(f"{request.method} {request.path_qs} {dict(request.headers)} {body.decode()} {request.remote}")
        try:
            delivery = sdk.verify(request.headers, body, self.keys)
        except sdk.Rejected:
            return web.Response(status=401)
        self.came.append(delivery)
        self.arrived.set()
        answer = self._answers.recall(delivery)
        if answer is None:
            answered = self._handle(delivery, json.loads(body))
            if "defer" in answered:
                return web.json_response(answered, status=202)
            self.taken.append(delivery)
            answer = self._answers.remember(delivery, json.dumps(answered).encode())
        await self.hold.wait()
        return web.Response(body=answer, content_type="application/json")

    def _handle(self, delivery: str, event: dict[str, Any]) -> dict[str, Any]:
        state = event["state"] or {"cups": 0}
        if event["type"] == "close":
            done: dict[str, Any] = {"v": 1, "state": None, "effects": []}
            if event["data"]["reason"] == "left":
                self.left.append(event["user"]["id"])
                done["receipt"] = sdk.receipt(DEVELOPER, delivery, event["user"]["id"])
            return done
        said = event["data"].get("text", "") if event["type"] == "text" else ""
        if said == "steep" and self.came.count(delivery) < 3:
            return {"v": 1, "defer": 1}
        if said == "who am I":
            asked = {"type": "scope.request", "tag": "who", "scopes": ["profile.name"]}
            return {"state": state, "effects": [asked]}
        if said == "cup" or event["type"] == "choice":
            state = {"cups": state["cups"] + 1}
        text = f"Tea: {state['cups']} cups, {event['type']} {said} {event['user']['profile'].get('name', '')}"
        return {
            "state": state,
            "effects": [{"type": "ui.send", "text": text, "choices": [{"id": "cup", "label": "Cup"}]}],
        }


@contextlib.asynccontextmanager
async def tea(servers: tuple[Homeserver, Homeserver], folder: Path) -> AsyncIterator[tuple[BotProcess, Developer]]:
    """A bot with the program installed, and its server."""
    certificate = certified(folder, [HOST])
    developer = Developer(certificate)
    manifest = Manifest(
        manifest=1,
        name="tea",
        version="1.0.0",
        title="Tea",
        description="Counts cups.",
        languages=("en",),
        url=f"https://{HOST}/hook",
        scopes={"profile.name": "To write it on the cup."},
        deletion={"days": 7, "key": signing.public_key(SEED)},  # type: ignore[arg-type]
    )
    file = folder / "tea.mp"
    file.write_bytes(package.pack(Program(manifest, "")))
    settings = {
        "access": {"invites": "all"},
        "erasure": {"grace_days": 3 / 86_400},
        "miniprograms": {
            "development_servers": [f"{HOST}=127.0.0.1:{developer.port}"],
            "development_certificates": str(certificate),
            "remote_retry_seconds": 5,
            "leave_hours": 0,
        },
    }
    async with running_bot(folder, servers[0], unique("courtyard"), settings) as bot:
        await developer.start()
        try:
            config = str(folder / "courtyard.yaml")
            out = await printed("mp", "install", str(file), "-c", config, "--yes", "--unsigned")
            assert f"+ runs on a server: https://{HOST}/hook" in out
            developer.keys = re.findall(r"ed25519:\S+", out)[-1:]
            yield bot, developer
        finally:
            developer.hold.set()
            await developer.stop()


async def opened(person: Friendly) -> None:
    await says(person, "open tea", f"on a server of its developer: {HOST}", "leaves this encrypted chat")
    await says(person, "2", "Tea: 0 cups, open")


async def test_alice_and_carol_on_two_servers(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with tea(servers, tmp_path) as (bot, developer), meeting(servers, js, bot) as meet:
        alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
        await alice.ask("profile set name Alice Liddell")
        await says(alice, "open tea", HOST)
        assert developer.raw == [], "nothing leaves before she agrees"
        await says(alice, "2", "Tea: 0 cups, open")
        await opened(carol)
        await says(alice, "cup", "Tea: 1 cups")
        await says(alice, "1", "Tea: 2 cups, choice")
        await says(carol, "steep", "Tea: 0 cups, text steep")
        assert any(developer.came.count(delivery) == 3 for delivery in developer.taken), "it came later"

        # In a room, under other ids.
        assert isinstance(alice.client, JsClient)
        room = await gather(alice, carol, bot)
        await alice.client.send(room, "!open tea")
        await alice.client.wait_message(room, lambda m: "Tea: 0 cups, open" in m.body, WAIT)
        await carol.client.send(room, "!cup")
        await alice.client.wait_message(room, lambda m: "Tea: 1 cups" in m.body, WAIT)

        # The server is gone: one clear line; and it comes back.
        await developer.stop()
        await says(alice, "cup", "Tea can't be reached")
        await developer.start()
        mark = alice.client.mark()
        while "Tea can't be reached" in (await says_any(alice, "cup", mark)):
            mark = alice.client.mark()  # its server was left alone for a while
        assert "Tea: 3 cups" in shown(alice)[-1].body

        # Taken back in the middle.
        assert "Nothing is sent to the server of Tea any more" in await alice.ask("revoke 1")
        before = len(developer.raw)
        await says(alice, "my secret", HOST)
        await says(alice, "3", "Nothing was sent")
        assert len(developer.raw) == before

        # All that ever left, searched for whom, where and what.
        names = [person.user_id for person in (alice, carol)]
        names += [name.removeprefix("@").partition(":")[0] for name in names]
        fixed = [*names, alice.room, carol.room, room, "Alice", "alice", "carol", "Jones", "localhost", "my secret"]
        fixed += [bot.user_id, "!", "@"]

        def found() -> list[str]:
            secrets = [*fixed, *(m.event_id for person in (alice, carol) for m in shown(person))]
            everything = "\n".join(developer.raw)
            assert not re.search(r"\$[A-Za-z0-9_-]{20,}", everything)
            assert "ookie" not in everything
            return [secret for secret in secrets if secret in everything]

        assert len(developer.raw) >= 10
        assert found() == []

        # One field is granted, and that field alone gets there.
        await carol.ask("profile set name Jones")
        await carol.ask("profile set region Oxfordshire")
        await says(carol, "who am I", "asks for your name", "To write it on the cup")
        await says(carol, "2", "scope.result", "Jones")
        assert found() == ["Jones"]
        assert "Oxfordshire" not in "\n".join(developer.raw)

        # The end of an account: told under each id, with what came back in the receipt.
        asked = await carol.ask("account delete")
        [code] = re.findall(r"account delete ([A-Z]{4}-[A-Z]{4})", asked)
        mark = carol.client.mark()
        await carol.client.send(carol.room, f"account delete {code}")
        receipt = await carol.client.wait_message(carol.room, lambda m: "was erased on" in m.body, WAIT, since=mark)
        assert receipt.body.count(f"Tea ({HOST}): has signed that it was deleted") == 2
        assert len(set(developer.left)) == 2, "in her own chat, and in the room"
        assert found() == ["Jones"]


async def says_any(person: Friendly, text: str, mark: int) -> str:
    """Send a message; the first thing of the program after it."""
    await person.client.send(person.room, text)
    return (await told(person, mark, "Tea")).body


async def test_killed_between_delivery_and_commit_it_is_performed_once(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with tea(servers, tmp_path) as (bot, developer), meeting(servers, js, bot) as meet:
        alice = await meet("alice", 1)
        await opened(alice)
        for number in range(1, 4):
            developer.hold.clear()
            developer.arrived.clear()
            await alice.client.send(alice.room, "cup")
            async with asyncio.timeout(WAIT):
                await developer.arrived.wait()
            await bot.kill()
            developer.hold.set()
            await bot.start()
            await alice.client.wait_message(alice.room, lambda m: f"Tea: {number} cups" in m.body, WAIT)  # noqa: B023
        cups = [m.body for m in shown(alice) if "cups, choice" in m.body]
        assert [re.findall(r"Tea: (\d+) cups", body)[0] for body in cups] == ["1", "2", "3"]
        assert len(developer.came) > len(developer.taken) == len(set(developer.taken))
        with sqlite3.connect(bot.database) as books:
            assert books.execute("SELECT COUNT(*) FROM program_events").fetchone() == (0,)
