"""What the hostile tests share: Alice with a secret, whoever attacks, and what must hold whatever they do."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.bot import BotProcess
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import MatrixHttpError, OlmClient
from tests.e2e.clients.olm_directory import Device
from tests.e2e.clients.olm_http import segment
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly

API = "/_matrix/client/v3"
PATIENCE = 20.0
"""Seconds within which Alice has her answer, whatever goes on; on an idle machine it is a fraction of one."""
_BAD_LOG = re.compile(r"[Tt]raceback|\[(?:error|critical)|\b(?:ERROR|CRITICAL)\b")
"""Levels, of our own lines and of libraries'. Warnings have a field `error`: a homeserver that hangs is worth one."""


def client(person: Friendly) -> OlmClient:
    assert isinstance(person.client, OlmClient)
    return person.client


@dataclass(slots=True)
class Scene:
    """Alice on the bot's server, with a secret; whoever attacks; and what was so before."""

    bot: BotProcess
    alice: Friendly
    secret: str
    attackers: list[OlmClient] = field(default_factory=list)
    pid: int = 0
    logged: int = 0

    async def ask_alice(self) -> None:
        assert await self.alice.ask("ping", PATIENCE) == "pong"

    async def unharmed(self) -> None:
        """The bot is the one that it was and answers Alice, its log is calm, and no attacker has read of her."""
        await self.ask_alice()
        assert self.bot.running
        assert self.bot.pid == self.pid
        log = self.bot.log()
        news, self.logged = log[self.logged :], len(log)
        assert not [line for line in news.splitlines() if _BAD_LOG.search(line)]
        for attacker in self.attackers:
            for message in everything(attacker):
                assert self.secret not in json.dumps(message.content)
                assert "Something went wrong" not in message.body, message

    def memory(self) -> int:
        """Resident memory of the bot in KiB."""
        (line,) = [x for x in Path(f"/proc/{self.bot.pid}/status").read_text().splitlines() if x.startswith("VmRSS")]
        return int(line.split()[1])


def everything(attacker: OlmClient) -> list[Message]:
    """All that a client has ever seen of others, in every room."""
    return [
        message
        for room in attacker.inbox.rooms
        for message in attacker.timeline(room, everything=True)
        if message.sender != attacker.user_id
    ]


async def watch(bot: BotProcess, alice: Friendly) -> Scene:
    secret = canary()
    assert "#" in await alice.ask(f"post to private | {secret}")
    await alice.ask(f"profile set bio {secret}")
    return Scene(bot, alice, secret, pid=bot.pid, logged=len(bot.log()))


async def attempt(attacker: OlmClient, method: str, path: str, body: Any) -> bool:
    """Try what a homeserver may refuse, or choke on. Whether it went through."""
    try:
        await attacker.homeserver.request(method, path, body, patience=0)
    except MatrixHttpError:
        return False
    return True


async def try_send(attacker: OlmClient, room: str, kind: str, content: Any) -> bool:
    path = f"{API}/rooms/{segment(room)}/send/{segment(kind or 'x')}/{secrets.token_hex(8)}"
    return await attempt(attacker, "PUT", path, content)


async def try_encrypted(attacker: OlmClient, room: str, kind: str, content: Any) -> bool:
    """The same encrypted, its relation too: a homeserver would refuse most of them."""
    inside = await attacker.encrypt_megolm(room, kind, content)
    inside.pop("m.relates_to", None)
    return await try_send(attacker, room, "m.room.encrypted", inside)


async def try_state(attacker: OlmClient, room: str, kind: str, content: Any, key: str = "") -> bool:
    path = f"{API}/rooms/{segment(room)}/state/{segment(kind)}/{segment(key)}"
    return await attempt(attacker, "PUT", path, content)


async def try_to_device(attacker: OlmClient, device: Device, kind: str, content: Any) -> bool:
    path = f"{API}/sendToDevice/{segment(kind)}/{secrets.token_hex(8)}"
    return await attempt(attacker, "PUT", path, {"messages": {device.user_id: {device.device_id: content}}})


async def bots_device(attacker: OlmClient, bot: BotProcess) -> Device:
    (device,) = await attacker.directory.devices([bot.user_id])
    return device
