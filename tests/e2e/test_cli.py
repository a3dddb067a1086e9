"""From an account to a running bot, as an operator does it: init, check-config, run, SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.conftest import unique

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Done:
    code: int | None
    out: str
    err: str


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *arguments, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def finish(process: asyncio.subprocess.Process, stdin: str = "") -> Done:
    try:
        async with asyncio.timeout(90):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode, out.decode(), err.decode())


async def courtyard(*arguments: str, stdin: str = "") -> Done:
    return await finish(await start(*arguments), stdin)


async def until_ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(90):
        return (await process.stdout.readline()).decode()


async def devices(hs: Homeserver, user_id: str) -> list[str]:
    """Names of the account's sessions. That of the registration has none, nor has the one that asks."""
    async with aiohttp.ClientSession(hs.url) as session:
        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user_id},
            "password": PASSWORD,
        }
        async with session.post("/_matrix/client/v3/login", json=login) as response:
            mine = await response.json()
        headers = {"Authorization": f"Bearer {mine['access_token']}"}
        async with session.get("/_matrix/client/v3/devices", headers=headers) as response:
            listed = (await response.json())["devices"]
        async with session.post("/_matrix/client/v3/logout", headers=headers, json={}) as response:
            assert response.status == 200
    return [device["display_name"] for device in listed if device.get("display_name")]


async def init(hs: Homeserver, path: Path, user: str, password: str = PASSWORD) -> Done:
    account = ("--homeserver", hs.url, "--user-id", user, "--password-file", "-")
    return await courtyard("init", "-c", str(path), *account, stdin=password + "\n")


async def test_from_an_account_to_a_bot(servers: tuple[Homeserver, Homeserver], tmp_path: Path) -> None:
    hs, path = servers[0], tmp_path / "courtyard.yaml"
    user_id = await hs.register(unique("courtyard"), PASSWORD)

    # The local part is enough: the homeserver tells the rest.
    done = await init(hs, path, user_id[1:].partition(":")[0])
    assert done.code == 0, done.err
    assert user_id in path.read_text()
    assert PASSWORD not in done.out + done.err + path.read_text()
    assert await devices(hs, user_id) == []  # the check has logged out again

    assert (await courtyard("check-config", "-c", str(path))).out == "ok\n"

    for number in (signal.SIGTERM, signal.SIGINT):
        bot = await start("run", "-c", str(path))
        try:
            assert await until_ready(bot) == f"READY {user_id}\n"
            if number == signal.SIGTERM:
                second = await courtyard("run", "-c", str(path))
                assert (second.code, second.out) == (2, "")
                assert second.err.splitlines()[-1].startswith("courtyard: ")
            os.kill(bot.pid, number)
        finally:
            ended = await finish(bot) if bot.returncode is None else None
        assert ended is not None
        assert (ended.code, ended.out) == (0, "")
        assert "Traceback" not in ended.err
        assert PASSWORD not in ended.err
        assert user_id not in ended.err
    assert await devices(hs, user_id) == ["Courtyard"]


async def test_a_wrong_password_writes_nothing(servers: tuple[Homeserver, Homeserver], tmp_path: Path) -> None:
    user_id = await servers[0].register(unique("courtyard"), PASSWORD)
    done = await init(servers[0], tmp_path / "courtyard.yaml", user_id, "wrong password")
    assert done.code == 2
    assert done.err == (
        "courtyard: log-in: the homeserver does not take this user id with this password. Check both.\n"
    )
    assert list(tmp_path.iterdir()) == []
