"""The launcher of homeservers: what the demo and every other end-to-end test rely on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from bridge.demo.synapse import Homeserver, SynapseError, free_port, prepare, synapse
from tests.e2e.conftest import unique

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
DEADLINE = 60.0  # seconds


async def call(method: str, url: str, token: str | None = None, body: object = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
        http.request(method, url, headers=headers, json=body) as answer,
    ):
        return answer.status, await answer.json()


async def log_in(hs: Homeserver, user: str) -> str:
    identifier = {"type": "m.id.user", "user": user}
    body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
    status, answer = await call("POST", f"{hs.url}/_matrix/client/v3/login", body=body)
    assert status == 200, answer
    return str(answer["access_token"])


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to look at it does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return not Path("/proc").is_dir()


def running(hs: Homeserver) -> bool:
    return hs.pid is not None


async def ends(pid: int) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE):
            while alive(pid):  # noqa: ASYNC110 - the end of somebody else's child sets no event
                await asyncio.sleep(0.05)
            return True
    return False


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Homeserver]:
    """A server of this file's own, because these tests restart and kill it."""
    async with synapse(tmp_path_factory.mktemp("town")) as hs:
        yield hs


async def test_it_registers_people_and_registering_again_changes_nothing(town: Homeserver) -> None:
    name = unique("alice")
    assert await town.register(name, PASSWORD) == town.user_id(name)
    assert await town.register(name, "another password") == town.user_id(name)
    await log_in(town, name)


async def test_an_account_is_an_administrator_only_if_asked_for(town: Homeserver) -> None:
    answers = []
    for name, admin in ((unique("alice"), True), (unique("bob"), False)):
        await town.register(name, PASSWORD, admin=admin)
        token = await log_in(town, name)
        url = f"{town.url}/_synapse/admin/v2/users/{quote(town.user_id(name))}"
        answers.append((await call("GET", url, token))[0])
    assert answers == [200, 403]


async def test_nobody_registers_without_the_secret(town: Homeserver) -> None:
    body = {"username": unique("bob"), "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    status, answer = await call("POST", f"{town.url}/_matrix/client/v3/register", body=body)
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")


async def test_a_refused_registration_says_why(town: Homeserver) -> None:
    with pytest.raises(SynapseError, match="refused to register an account: User ID can only contain"):
        await town.register("not a name", PASSWORD)


@pytest.mark.crash
@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_a_restart_keeps_port_accounts_and_sessions(town: Homeserver, ending: str) -> None:
    name = unique("alice")
    await town.register(name, PASSWORD)
    token = await log_in(town, name)
    before = town.pid
    assert before is not None

    await (town.stop() if ending == "stop" else town.kill())
    assert not running(town)
    assert not alive(before)
    await town.start()

    assert running(town)
    assert town.pid != before
    status, answer = await call("GET", f"{town.url}/_matrix/client/v3/account/whoami", token)
    assert (status, answer["user_id"]) == (200, town.user_id(name))


async def test_it_listens_on_loopback_alone(town: Homeserver) -> None:
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) == town.port
    ]
    if not Path("/proc/net/tcp").exists():
        pytest.skip("the list of listening sockets is read from /proc")
    assert listening == [f"0100007F:{town.port:04X}"]


async def test_a_second_server_on_the_same_data_is_refused(town: Homeserver) -> None:
    with pytest.raises(SynapseError, match=r"Another homeserver runs on the data in .*: stop that one first"):
        async with synapse(town.data_dir):
            pass
    assert (await call("GET", f"{town.url}/_matrix/client/versions"))[0] == 200


async def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SynapseError) as refused:
            async with synapse(tmp_path, port=port):
                pass
    assert str(refused.value) == (
        f"Port {port} on 127.0.0.1 is in use: stop the program that listens on it, or choose another port."
    )


async def test_the_data_of_another_server_is_refused(tmp_path: Path) -> None:
    prepare(tmp_path, "localhost")
    with pytest.raises(SynapseError, match="belongs to the server localhost"):
        prepare(tmp_path, "example.org")
    with pytest.raises(SynapseError, match="belongs to the server localhost"):
        prepare(tmp_path, federation=True)


async def test_a_later_start_keeps_the_port_or_takes_the_one_that_is_asked_for(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    assert prepare(tmp_path).port == first.port
    other = free_port()
    assert prepare(tmp_path, port=other).url == f"http://127.0.0.1:{other}"
    assert prepare(tmp_path).port == other


async def test_broken_data_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(SynapseError, match=r"cannot be used .*: delete it") as refused:
        prepare(tmp_path)
    assert "\n" not in str(refused.value)


async def test_a_server_that_ends_at_once_tells_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(SynapseError, match=r"The homeserver ended at once \(status 1\): ValueError: .*many") as why:
        async with synapse(tmp_path, config_overrides={"max_upload_size": "many"}):
            pass
    assert "\n" not in str(why.value)


async def test_settings_can_be_overridden(tmp_path: Path) -> None:
    limit = {"per_second": 0.001, "burst_count": 1}
    async with synapse(tmp_path, config_overrides={"rc_message": limit}) as hs:
        await hs.register("alice", PASSWORD)
        token = await log_in(hs, "alice")
        _, room = await call("POST", f"{hs.url}/_matrix/client/v3/createRoom", token, {})
        send = f"{hs.url}/_matrix/client/v3/rooms/{quote(room['room_id'])}/send/m.room.message"
        message = {"msgtype": "m.text", "body": "hello"}
        answers = [(await call("PUT", f"{send}/{n}", token, message))[0] for n in range(3)]
    assert answers[-1] == 429


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    hs = prepare(tmp_path)
    starting = asyncio.create_task(hs.start())
    async with asyncio.timeout(DEADLINE):
        while (pid := hs.pid) is None:  # noqa: ASYNC110 - a process that begins sets no event
            await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not running(hs)
    assert not alive(pid)


CALLER = """
import asyncio, signal, sys
from pathlib import Path
from bridge.demo.synapse import synapse

# A shell that starts the tests in the background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    async with synapse(Path(sys.argv[1])) as hs:
        print(hs.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.crash
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
async def test_nothing_outlives_the_caller(tmp_path: Path, end: signal.Signals) -> None:
    caller = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CALLER, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert caller.stdout is not None
        async with asyncio.timeout(DEADLINE):
            server = int(await caller.stdout.readline())
        assert alive(server)
        caller.send_signal(end)
        async with asyncio.timeout(DEADLINE):
            await caller.wait()
        assert await ends(server)
    finally:
        if caller.returncode is None:
            caller.kill()
            await caller.wait()
    # The data is free again at once, and whole.
    async with synapse(tmp_path) as hs:
        assert await hs.register("alice", PASSWORD) == "@alice:localhost"


async def test_one_server_shows_the_profiles_of_the_other(servers: tuple[Homeserver, Homeserver]) -> None:
    for home, away in (servers, servers[::-1]):
        carol, alice = unique("carol"), unique("alice")
        user_id = await home.register(carol, PASSWORD)
        token = await log_in(home, carol)
        profile = f"/_matrix/client/v3/profile/{quote(user_id)}/displayname"
        name = {"displayname": f"Carol of {home.server_name}"}
        assert (await call("PUT", home.url + profile, token, name))[0] == 200

        await away.register(alice, PASSWORD)
        visitor = await log_in(away, alice)
        assert await call("GET", away.url + profile, visitor) == (200, name)


async def test_people_of_both_servers_meet_in_a_room(servers: tuple[Homeserver, Homeserver]) -> None:
    hs1, hs2 = servers
    alice, carol = unique("alice"), unique("carol")
    await hs1.register(alice, PASSWORD)
    carol_id = await hs2.register(carol, PASSWORD)
    at1, at2 = await log_in(hs1, alice), await log_in(hs2, carol)
    _, made = await call("POST", f"{hs1.url}/_matrix/client/v3/createRoom", at1, {"invite": [carol_id]})
    room = quote(made["room_id"])
    status, answer = await call("POST", f"{hs2.url}/_matrix/client/v3/join/{room}", at2, {})
    assert status == 200, answer
    text = {"msgtype": "m.text", "body": "hello over there"}
    status, answer = await call("PUT", f"{hs1.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/1", at1, text)
    assert status == 200, answer
    event = quote(answer["event_id"])
    async with asyncio.timeout(DEADLINE):
        while True:
            status, seen = await call("GET", f"{hs2.url}/_matrix/client/v3/rooms/{room}/event/{event}", at2)
            if status == 200:
                break
            await asyncio.sleep(0.1)
    assert seen["content"]["body"] == "hello over there"
