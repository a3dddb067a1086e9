"""The bot's cross-signing identity: it lasts over restarts and re-installations, and nobody else's is touched."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from typer.testing import CliRunner

from bridge.cli.commands import app
from bridge.config import encode_recovery_key
from bridge.demo.synapse import Homeserver
from bridge.errors import OperatorError
from tests.e2e.births import Done, courtyard
from tests.e2e.bot import PASSWORD, BotProcess, prepare_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.leaks import event_leaks, log_leaks
from tests.e2e.people import Friendly, js_person, unique

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
FOREIGN = "identity that is not the bot's"


async def identity(bot: BotProcess, command: str, *arguments: str, stdin: str = "") -> Done:
    """`courtyard identity COMMAND`. No output of it may hold a secret.

    What only looks runs in this process, as the imports take longer than the work; what writes, in one of its own.
    """
    words = ("identity", command, "-c", str(bot.config), *arguments)
    if command in ("recover", "reset"):
        done = await courtyard(*words, stdin=stdin)
    else:
        done = await asyncio.to_thread(_invoke, words)
    assert "Traceback" not in done.err
    if recovery_file(bot).exists():
        assert recovery_key(bot) not in done.out + done.err
    return done


def _invoke(words: Sequence[str]) -> Done:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, OperatorError):
        return Done(result.exception.exit_code, result.stdout, f"courtyard: {result.exception}\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


async def status(bot: BotProcess) -> dict[str, Any]:
    done = await identity(bot, "status")
    found: dict[str, Any] = json.loads(done.out)
    assert done.code == (1 if found["problems"] else 0)
    return found


async def fingerprints(bot: BotProcess) -> dict[str, str]:
    """The lines of `identity fingerprint`, by their first word; the device's key is under ""."""
    out = (await identity(bot, "fingerprint")).out
    return {line[:10].strip(): line[10:] for line in out.splitlines()}


def recovery_file(bot: BotProcess) -> Path:
    return bot.directory / "var" / "recovery-key"


def recovery_key(bot: BotProcess) -> str:
    return recovery_file(bot).read_text().strip()


async def other_client(js: JsProcess, hs: Homeserver, bot: BotProcess, **how: Any) -> JsClient:
    """Another client, logged in as the bot: the operator's, for instance."""
    return await js.login(unique("operator"), hs.url, bot.user_id, PASSWORD, **how)


async def wait_signed(client: JsClient, *devices: str) -> None:
    """Wait until the client sees exactly these devices of its account, all of them signed."""
    seen: dict[str, bool] = {}
    try:
        async with asyncio.timeout(20):
            while seen != dict.fromkeys(devices, True):
                await asyncio.sleep(0.1)  # the client learns of signatures by syncs, and tells of it to nobody
                seen = {d: trust["signed"] for d, trust in (await client.device_trust(client.user_id)).items()}
    except TimeoutError:
        raise AssertionError(f"wanted {devices} signed, saw {seen}") from None


@pytest.fixture
async def idle(servers: tuple[Homeserver, Homeserver], tmp_path: Path) -> AsyncIterator[BotProcess]:
    """A bot that was not started yet. At the end its log must tell nothing."""
    bot = await prepare_bot(tmp_path, servers[0], unique("courtyard"))
    try:
        yield bot
    finally:
        await bot.kill()
    assert event_leaks(servers[0], bot.user_id) == []
    assert log_leaks(bot.log()) == []
    if recovery_file(bot).exists():
        assert recovery_key(bot) not in bot.log()


async def assert_trusted(person: Friendly, bot: BotProcess) -> None:
    """The bot answers, and the person's client, which excludes insecure devices, has nothing to warn of."""
    assert isinstance(person.client, JsClient)
    answer = await person.client.ask(person.room, "ping")
    assert (answer.body, answer.shield) == ("pong", None)
    trust = await person.client.user_trust(bot.user_id)
    assert (trust["hasIdentity"], trust["needsApproval"]) == (True, False)
    for message in await person.client.messages(person.room):
        assert (message.shield, message.decryption_failure) == (None, None)


async def test_the_same_bot_after_restart_and_after_a_new_installation(
    idle: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess
) -> None:
    bot, hs = idle, servers[0]
    before = await courtyard("identity", "status", "-c", str(bot.config))
    assert before.code == 1
    assert "not been started" in json.loads(before.out)["problems"][0]
    assert not bot.database.exists()

    await bot.start()
    assert recovery_file(bot).stat().st_mode & 0o777 == 0o600
    assert recovery_key(bot) not in bot.log()
    found = await status(bot)
    assert found == {
        "user_id": bot.user_id,
        "device_id": found["device_id"],
        "device_keys_on_server": True,
        "device_keys_equal": True,
        "identity": "ours",
        "signed": True,
        "one_time_keys": 50,
        "fallback_keys": 1,
        "recovery_possible": True,
        "former_devices": [],
        "key_backup": False,
        "problems": [],
    }
    first = await fingerprints(bot)
    assert first["device"] == found["device_id"]
    alice, carol = await js_person(js, hs, unique("alice"), bot), await js_person(js, servers[1], unique("carol"), bot)
    await assert_trusted(alice, bot)
    await assert_trusted(carol, bot)
    # What is printed for comparing by hand is what people's clients get.
    assert isinstance(carol.client, JsClient)
    seen = await keys_of(carol.client, bot.user_id)
    device_keys = seen["device_keys"][bot.user_id][first["device"]]["keys"]
    assert first[""].replace(" ", "") == device_keys[f"ed25519:{first['device']}"]
    assert [first["identity"].replace(" ", "")] == _public(seen["master_keys"])

    # Another implementation opens the bot's secret storage with the recovery key, and signs itself with what is there.
    operator = await other_client(js, hs, bot, recovery_key=recovery_key(bot))
    await wait_signed(operator, first["device"], operator.device_id)

    assert await bot.stop() == 0
    await bot.start()
    await assert_trusted(alice, bot)
    await assert_trusted(carol, bot)
    assert await fingerprints(bot) == first

    # The machine burns down; a copy of the recovery key is left.
    assert await bot.stop() == 0
    key = recovery_key(bot)
    shutil.rmtree(bot.directory / "var")
    (bot.directory / "var").mkdir(mode=0o700)
    recovery_file(bot).touch(mode=0o600)
    recovery_file(bot).write_text(key)
    await bot.start()
    await assert_trusted(alice, bot)
    await assert_trusted(carol, bot)
    second = await fingerprints(bot)
    assert second["identity"] == first["identity"]
    assert (second["device"], second[""]) != (first["device"], first[""])
    found = await status(bot)
    assert (found["problems"], found["former_devices"]) == ([], [])

    # The bot's former device is signed out, the operator's is not.
    asked = await operator.request("GET", "/devices")
    there = {d["device_id"] for d in asked["devices"] if d["display_name"]}
    assert there == {second["device"], operator.device_id}
    await operator.stop()
    for person in (alice, carol):
        assert isinstance(person.client, JsClient)
        await person.client.stop()


async def test_a_foreign_identity_stays_until_its_recovery_key_is_given(
    idle: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess
) -> None:
    bot, hs = idle, servers[0]
    operator = await other_client(js, hs, bot)
    key = await operator.set_up_recovery()
    master = (await keys_of(operator))["master_keys"]

    await bot.start()
    assert FOREIGN in bot.log()
    found = await status(bot)
    assert (found["identity"], found["signed"], found["recovery_possible"]) == ("foreign", False, False)
    assert not recovery_file(bot).exists()
    refused = await identity(bot, "recover", "--recovery-key", "-", stdin=key)
    assert refused.code == 2
    assert "another courtyard runs" in refused.err
    assert await bot.stop() == 0

    wrong = await identity(bot, "recover", "--recovery-key", "-", stdin=key[:-1] + ("a" if key[-1] != "a" else "b"))
    assert (wrong.code, wrong.out) == (2, "")
    # Well-formed, and of another account.
    other = encode_recovery_key(bytes(range(32)))
    done = await identity(bot, "recover", "--recovery-key", "-", stdin=other)
    assert (done.code, done.out) == (1, "")
    assert other not in done.err
    assert _public((await keys_of(operator))["master_keys"]) == _public(master)
    assert (await status(bot))["identity"] == "foreign"
    done = await identity(bot, "recover", "--recovery-key", "-", stdin=key + "\n")
    assert done.code == 0, done.err
    assert key not in done.out + done.err
    found = await status(bot)
    assert (found["identity"], found["signed"], found["recovery_possible"]) == ("ours", True, True)
    assert found["problems"] == []
    # It is the same identity; the bot's device has joined it, and the operator's stays.
    after = await keys_of(operator)
    assert _public(after["master_keys"]) == _public(master)
    await wait_signed(operator, found["device_id"], operator.device_id)
    await operator.stop()


async def test_a_reset_is_asked_for_and_seen(
    idle: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    bot, hs = idle, servers[0]
    await bot.start()
    alice = await js_person(js, hs, unique("alice"), bot)
    assert isinstance(alice.client, JsClient)
    await assert_trusted(alice, bot)
    first, old_key = await fingerprints(bot), recovery_key(bot)
    export, copy = tmp_path / "identity.json", tmp_path / "key-copy"
    done = await identity(bot, "export", "--output", str(export), "--recovery-key", str(copy))
    assert done.code == 0, done.err
    assert [f.stat().st_mode & 0o777 for f in (export, copy)] == [0o600, 0o600]
    assert copy.read_text().strip() == old_key
    assert old_key not in export.read_text()
    again = await identity(bot, "export", "--output", str(export))
    assert (again.code, "exists already" in again.err) == (2, True)

    running, asked = await asyncio.gather(identity(bot, "reset", "--yes"), identity(bot, "reset"))
    assert (running.code, "another courtyard runs" in running.err) == (2, True)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert await bot.stop() == 0
    assert await fingerprints(bot) == first

    done = await identity(bot, "reset", "--yes")
    assert done.code == 0, done.err
    second = await fingerprints(bot)
    assert second["device"] == first["device"]
    assert second["identity"] != first["identity"]
    assert recovery_key(bot) != old_key
    await bot.start()
    found = await status(bot)
    assert (found["problems"], found["identity"], found["recovery_possible"]) == ([], "ours", True)
    mark = alice.client.mark()
    await alice.client.send(alice.room, "ping")
    await alice.client.wait_message(alice.room, lambda m: m.body == "pong", since=mark)
    trust = await alice.client.user_trust(bot.user_id)
    assert (trust["hasIdentity"], trust["needsApproval"]) == (True, True)
    operator = await other_client(js, hs, bot, recovery_key=recovery_key(bot))
    await wait_signed(operator, second["device"], operator.device_id)
    await operator.stop()
    await alice.client.stop()

    # The export is of the old identity, which is gone: it does not come back by accident.
    assert await bot.stop() == 0
    done = await identity(bot, "recover", "--export", str(export), "--recovery-key", str(copy))
    assert done.code == 0, done.err  # the identity is in place already
    assert await fingerprints(bot) == second


async def test_an_export_brings_it_back_when_all_else_is_lost(
    idle: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    bot, hs = idle, servers[0]
    await bot.start()
    alice = await js_person(js, servers[1], unique("alice"), bot)
    await assert_trusted(alice, bot)
    first = await fingerprints(bot)
    export, copy = tmp_path / "identity.json", tmp_path / "key-copy"
    done = await identity(bot, "export", "--output", str(export), "--recovery-key", str(copy))
    assert done.code == 0, done.err
    assert await bot.stop() == 0

    # The machine burns down, and somebody has emptied the account's data.
    shutil.rmtree(bot.directory / "var")
    operator = await other_client(js, hs, bot, cross_signing="none", exclude_insecure=False)
    secrets = [f"m.cross_signing.{usage}" for usage in ("master", "self_signing", "user_signing")]
    for kind in ("m.secret_storage.default_key", "chat.courtyard.devices", "chat.courtyard.generation", *secrets):
        await operator.request("PUT", f"/user/{bot.user_id}/account_data/{kind}", body={})
    await operator.logout()

    done = await identity(bot, "recover", "--export", str(export), "--recovery-key", str(copy))
    assert done.code == 0, done.err
    second = await fingerprints(bot)
    assert (second["identity"], second["device"] != first["device"]) == (first["identity"], True)
    found = await status(bot)
    assert (found["identity"], found["signed"], found["recovery_possible"]) == ("ours", True, True)
    await bot.start()
    await assert_trusted(alice, bot)
    assert isinstance(alice.client, JsClient)
    await alice.client.stop()


async def test_with_an_access_token_alone(
    idle: BotProcess, servers: tuple[Homeserver, Homeserver], js: JsProcess
) -> None:
    bot, hs = idle, servers[0]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": bot.user_id},
        "password": PASSWORD,
        "device_id": "TOKEN",
    }
    async with aiohttp.ClientSession() as http, http.post(f"{hs.url}/_matrix/client/v3/login", json=login) as answer:
        token = str((await answer.json())["access_token"])
    config = yaml.safe_load(bot.config.read_text())
    config["matrix"].pop("password_file")
    config["matrix"] |= {"access_token": token, "device_id": "OTHER"}
    bot.config.write_text(yaml.safe_dump(config))
    bot.config.chmod(0o600)
    wrong = await courtyard("run", "-c", str(bot.config))
    assert wrong.code == 2
    assert "another user_id or device_id" in wrong.err
    assert token not in wrong.out + wrong.err

    # Publishing for the first time needs no confirmation.
    config["matrix"]["device_id"] = "TOKEN"
    bot.config.write_text(yaml.safe_dump(config))
    await bot.start()
    found = await status(bot)
    assert (found["device_id"], found["identity"], found["signed"], found["problems"]) == ("TOKEN", "ours", True, [])
    alice = await js_person(js, hs, unique("alice"), bot)
    await assert_trusted(alice, bot)
    assert await bot.stop() == 0

    # Replacing it does: the password is given once.
    before = await fingerprints(bot)
    refused = await identity(bot, "reset", "--yes")
    assert refused.code == 2
    assert "nothing was changed" in refused.err
    assert "--password-file" in refused.err
    assert await fingerprints(bot) == before
    done = await identity(bot, "reset", "--yes", "--password-file", "-", stdin=PASSWORD + "\n")
    assert done.code == 0, done.err
    after = await fingerprints(bot)
    assert (after["device"], after["identity"] != before["identity"]) == ("TOKEN", True)
    assert isinstance(alice.client, JsClient)
    await alice.client.stop()


async def keys_of(client: JsClient, user_id: str | None = None) -> dict[str, Any]:
    """What the client's homeserver says of an account's keys; its own, or another's."""
    body: dict[str, Any] = {"device_keys": {user_id or client.user_id: []}}
    answer: dict[str, Any] = await client.request("POST", "/keys/query", body=body)
    return answer


def _public(section: dict[str, Any]) -> list[str]:
    (key,) = section.values()
    return list(key["keys"].values())
