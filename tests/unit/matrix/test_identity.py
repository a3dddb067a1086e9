"""The identity against a homeserver that forgets, refuses, and asks for things: what a real one does on bad days."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vodozemac
from nio.crypto import OlmDevice, OutboundSession
from structlog.testing import capture_logs

from bridge.chat.inbound import Inbound, RoomView
from bridge.config import load_recovery_key, save_recovery_key
from bridge.db import Database
from bridge.ids import DeviceId, UserId
from bridge.matrix.account import MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.cross_signing import CrossSigningKeys
from bridge.matrix.http import MatrixError
from bridge.matrix.identity import DEVICES_SECRET, Identity, Standing, stored_keys
from bridge.matrix.identity_export import exported, read_export
from bridge.matrix.recovery import Given
from bridge.matrix.seal import Sealer
from bridge.matrix.signing import verified
from bridge.matrix.uia import NotConfirmed
from tests.unit.matrix.conftest import STORE_KEY, Device, open_device, publish
from tests.unit.matrix.fake_homeserver import FakeHomeserver

PASSWORD_FLOW: dict[str, Any] = {"flows": [{"stages": ["m.login.password"]}], "session": "s"}


class AccountHomeserver(FakeHomeserver):
    """As the fake one, with one account's identity, account data and list of devices."""

    def __init__(self) -> None:
        super().__init__()
        self.signing: dict[str, dict[str, Any]] = {}
        self.account_data: dict[str, Any] = {}
        self.sessions: set[str] = set()
        self.challenge: dict[str, Any] = PASSWORD_FLOW
        self.always_asks = False
        self.takes_password = True
        self.crash_after: str | None = None
        """End with an error after this request was done, as if the process were killed."""
        self.meanwhile: CrossSigningKeys | None = None
        """Another client publishes this identity just before the bot does."""
        self.refusal_of_sign_out: MatrixError | None = None

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        answer = await self._request(method, path, body, **options)
        if self.crash_after is not None and path.endswith(self.crash_after):
            self.crash_after = None
            raise KeyboardInterrupt
        return answer

    async def _request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        user = "@bot:example.org"
        if path.endswith("/keys/query"):
            answer = await super().request(method, path, body)
            return answer | {f"{u}_keys": {user: key} for u, key in self.signing.items()}
        if path.endswith("/keys/upload"):
            if "device_keys" in body:
                self.add_device(body)
            return {"one_time_key_counts": {}}
        if path.endswith("/device_signing/upload"):
            new = {u: body[f"{u}_key"] for u in ("master", "self_signing", "user_signing")}
            if self.meanwhile is not None:
                other, self.meanwhile = self.meanwhile.upload_body(UserId(user)), None
                self.signing = {u: other[f"{u}_key"] for u in ("master", "self_signing", "user_signing")}
            if self.signing and _bare(self.signing) == _bare(new):
                return {}
            if self.signing or self.always_asks:
                self._authenticate(body)
            self.signing = new
            return {}
        if path.endswith("/signatures/upload"):
            for target, value in body[user].items():
                known = self.device_keys[user].get(target, self.signing["master"])
                for by, signature in value["signatures"][user].items():
                    known["signatures"] = {user: known.get("signatures", {}).get(user, {}) | {by: signature}}
            return {"failures": {}}
        if "/account_data/" in path:
            kind = path.rpartition("/")[2]
            if method == "PUT":
                self.account_data[kind] = json.loads(json.dumps(body))
                return {}
            if kind not in self.account_data:
                raise MatrixError(404, "M_NOT_FOUND", {})
            found: dict[str, Any] = self.account_data[kind]
            return found
        if path.endswith("/devices"):
            return {"devices": [{"device_id": d} for d in sorted(self.sessions)]}
        if path.endswith("/delete_devices"):
            if self.refusal_of_sign_out is not None:
                raise self.refusal_of_sign_out
            self._authenticate(body)
            self.sessions -= set(body["devices"])
            return {}
        raise AssertionError(path)

    def _authenticate(self, body: dict[str, Any]) -> None:
        auth = body.get("auth")
        if auth is None:
            raise MatrixError(401, "M_UNKNOWN", self.challenge)
        if auth != {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": "@bot:example.org"},
            "password": "right",
            "session": "s",
        }:
            raise MatrixError(401, "M_FORBIDDEN", self.challenge | {"errcode": "M_FORBIDDEN"})

    def secret_names(self) -> set[str]:
        return {kind for kind, content in self.account_data.items() if "encrypted" in content}


def _bare(keys: dict[str, Any]) -> dict[str, Any]:
    return {usage: key["keys"] for usage, key in keys.items()}


@pytest.fixture
def homeserver() -> AccountHomeserver:
    return AccountHomeserver()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "recovery-key"


Start = Callable[..., tuple[Device, Identity]]


@pytest.fixture
def start(database: Database, homeserver: AccountHomeserver, key_file: Path) -> Start:
    """The bot as after a (re)start on the same store."""

    def make(password: str | None = "right", given: Given | None = None) -> tuple[Device, Identity]:
        device = open_device(database, homeserver, "bot")
        if not device.machine.account.shared:
            publish(device, homeserver)
        homeserver.sessions.add(device.machine.device_id)
        return device, Identity(homeserver, device.store, device.keys, device.user_id, password, key_file, given)

    return make


def is_signed(homeserver: AccountHomeserver, device: Device) -> bool:
    keys = stored_keys(device.store)
    assert keys is not None
    theirs = homeserver.device_keys[device.user_id][device.machine.device_id]
    return verified(theirs, device.user_id, keys.self_signing.public, keys.self_signing.public)


async def test_a_first_start_and_the_next(start: Start, homeserver: AccountHomeserver, key_file: Path) -> None:
    device, identity = start()
    assert await identity.ensure(True) is Standing.OURS
    assert is_signed(homeserver, device)
    assert homeserver.secret_names() == {
        *(f"m.cross_signing.{usage}" for usage in ("master", "self_signing", "user_signing")),
        DEVICES_SECRET,
    }
    key = load_recovery_key(key_file)
    assert key is not None
    before = (dict(homeserver.signing), dict(homeserver.account_data))

    # The next start asks, and changes nothing.
    key_file.unlink()  # moved to a safe place
    homeserver.requests.clear()
    assert await start()[1].ensure(True) is Standing.OURS
    assert (homeserver.signing, homeserver.account_data) == before
    assert not key_file.exists()
    assert await start()[1].recovery.holds(stored_keys(device.store).secrets())  # type: ignore[union-attr]


async def test_room_keys_tell_whose_they_are(start: Start) -> None:
    """A client that never asked for our devices can check the key's sender all the same (spec 1.15, MSC4147)."""
    device, identity = start()
    await identity.ensure(True)
    alice = vodozemac.Account()
    alice.generate_one_time_keys(1)
    [once] = alice.one_time_keys.values()
    curve, ed25519 = alice.curve25519_key.to_base64(), alice.ed25519_key.to_base64()
    theirs = OlmDevice("@alice:example.org", "ALICE", {"curve25519": curve, "ed25519": ed25519})
    session = OutboundSession(device.machine.account, curve, once.to_base64())

    content = device.machine._olm_encrypt(session, theirs, "m.dummy", {})
    message = vodozemac.PreKeyMessage.from_base64(content["ciphertext"][curve]["body"])
    sender = vodozemac.Curve25519PublicKey.from_base64(content["sender_key"])
    payload = json.loads(alice.create_inbound_session(sender, message)[1])
    told = payload["sender_device_keys"]
    keys = stored_keys(device.store)
    assert keys is not None
    assert told["keys"][f"curve25519:{device.machine.device_id}"] == content["sender_key"]
    assert told["keys"][f"ed25519:{device.machine.device_id}"] == payload["keys"]["ed25519"]
    assert verified(told, device.user_id, device.machine.device_id, payload["keys"]["ed25519"])
    assert verified(told, device.user_id, keys.self_signing.public, keys.self_signing.public)


async def test_what_the_homeserver_lost_is_repaired(start: Start, homeserver: AccountHomeserver) -> None:
    device, identity = start()
    assert await identity.ensure() is Standing.OURS
    for lose in (
        lambda: homeserver.device_keys.clear(),
        lambda: homeserver.device_keys["@bot:example.org"]["BOT"].pop("signatures"),
        lambda: homeserver.signing.clear(),
        lambda: homeserver.account_data.clear(),
        lambda: homeserver.account_data.pop("m.cross_signing.self_signing"),
        lambda: homeserver.account_data["m.cross_signing.master"]["encrypted"].clear(),
    ):
        lose()
        device, identity = start()
        assert await identity.ensure() is Standing.OURS
        keys = stored_keys(device.store)
        assert keys is not None
        assert is_signed(homeserver, device)
        assert homeserver.signing["master"]["keys"] == keys.bare_master(device.user_id)["keys"]
        assert await identity.recovery.holds(keys.secrets())


async def test_other_keys_for_our_device_are_told_and_never_signed(start: Start, homeserver: AccountHomeserver) -> None:
    device, identity = start()
    homeserver.device_keys[device.user_id]["BOT"]["keys"]["ed25519:BOT"] = "A" * 43
    with capture_logs() as logs:
        assert await identity.ensure() is Standing.DEVICE
    assert any("signed out" in line["event"] for line in logs if line["log_level"] == "error")
    assert homeserver.signing == {}


async def test_a_foreign_identity_is_left_alone(start: Start, homeserver: AccountHomeserver, key_file: Path) -> None:
    other = CrossSigningKeys.generate()
    device, identity = start()
    body = other.upload_body(device.user_id)
    homeserver.signing = {u: body[f"{u}_key"] for u in ("master", "self_signing", "user_signing")}
    before = dict(homeserver.signing)
    assert await identity.ensure() is Standing.FOREIGN
    assert (homeserver.signing, homeserver.account_data) == (before, {})
    assert not key_file.exists()
    # An export brings it back, without anything on the homeserver.
    key = bytes(range(32))
    given = Given(key, read_export(exported(device.user_id, other, key), device.user_id, key))
    device, identity = start(given=given)
    assert await identity.ensure() is Standing.OURS
    assert homeserver.signing["master"]["keys"] == before["master"]["keys"]
    assert is_signed(homeserver, device)
    assert load_recovery_key(key_file) == key


async def test_foreign_secret_storage_is_left_alone(start: Start, homeserver: AccountHomeserver) -> None:
    description = {"algorithm": "m.secret_storage.v1.aes-hmac-sha2", "iv": "A" * 22, "mac": "A" * 43}
    homeserver.account_data = {"m.secret_storage.default_key": {"key": "x"}, "m.secret_storage.key.x": description}
    before = dict(homeserver.account_data)
    with capture_logs() as logs:
        assert await start()[1].ensure() is Standing.OURS
    assert homeserver.account_data == before
    assert any("secret storage" in line["event"] for line in logs if line["log_level"] == "error")


@pytest.mark.parametrize(
    ("challenge", "password", "said"),
    [
        (PASSWORD_FLOW, None, "--password-file"),
        (PASSWORD_FLOW, "wrong", "does not take"),
        (
            {
                "flows": [{"stages": ["m.oauth"]}],
                "session": "s",
                "params": {"m.oauth": {"url": "https://account.example.org/?action=reset"}},
            },
            "right",
            "https://account.example.org/?action=reset",
        ),
        ({"flows": [{"stages": ["org.matrix.cross_signing_reset"]}], "params": 5}, "right", "account service"),
        ({"flows": [{"stages": ["m.login.sso"]}, 7, {"stages": 7}, {}], "session": "s"}, "right", "no confirmation"),
    ],
)
async def test_without_a_confirmation_it_is_told_what_to_do_and_tried_again(
    start: Start, homeserver: AccountHomeserver, challenge: dict[str, Any], password: str | None, said: str
) -> None:
    homeserver.always_asks, homeserver.challenge = True, challenge
    with capture_logs() as logs:
        assert await start(password)[1].ensure() is Standing.UNPUBLISHED
    assert said in next(line["reason"] for line in logs if line["log_level"] == "error")
    assert homeserver.signing == {}
    made = stored_keys(start()[0].store)
    homeserver.always_asks = False
    device, identity = start(password)
    assert await identity.ensure() is Standing.OURS
    keys = stored_keys(device.store)
    assert keys is not None
    assert made is not None
    assert keys.master.public == made.master.public


async def test_with_a_token_alone_the_password_is_given_once(start: Start, homeserver: AccountHomeserver) -> None:
    homeserver.always_asks = True
    assert await start(None)[1].ensure() is Standing.UNPUBLISHED
    assert await start("right")[1].ensure() is Standing.OURS  # `identity recover --password-file`
    device, identity = start(None)
    assert await identity.ensure() is Standing.OURS
    assert is_signed(homeserver, device)


async def test_the_password_is_given_when_asked_for(start: Start, homeserver: AccountHomeserver) -> None:
    homeserver.always_asks = True
    device, identity = start("right")
    assert await identity.ensure() is Standing.OURS
    assert is_signed(homeserver, device)


async def test_an_identity_that_comes_in_between_is_left_alone(start: Start, homeserver: AccountHomeserver) -> None:
    other = CrossSigningKeys.generate()
    homeserver.meanwhile = other
    with capture_logs() as logs:
        assert await start("right")[1].ensure() is Standing.UNPUBLISHED
    assert any("another cross-signing identity" in line.get("reason", "") for line in logs)
    assert homeserver.signing["master"]["keys"] == other.bare_master(UserId("@bot:example.org"))["keys"]
    assert not any("auth" in (body or {}) for _, path, body in homeserver.requests if path.endswith("/upload"))
    assert await start("right")[1].ensure() is Standing.FOREIGN
    # Who asks for a reset means it.
    assert await start("right")[1].reset() is Standing.OURS


async def test_a_reset_that_is_refused_changes_nothing(
    start: Start, homeserver: AccountHomeserver, key_file: Path
) -> None:
    assert await start()[1].ensure() is Standing.OURS
    before = (dict(homeserver.signing), dict(homeserver.account_data), key_file.read_text())
    with pytest.raises(NotConfirmed):
        await start("wrong")[1].reset()
    assert await start()[1].ensure() is Standing.OURS
    assert (homeserver.signing, homeserver.account_data, key_file.read_text()) == before


@pytest.mark.crash
@pytest.mark.parametrize(
    "step", ["/device_signing/upload", "/signatures/upload", "/m.cross_signing.self_signing", "default_key"]
)
async def test_a_reset_that_breaks_off_is_finished_by_the_next_start(
    start: Start, homeserver: AccountHomeserver, key_file: Path, step: str
) -> None:
    device, identity = start()
    assert await identity.ensure() is Standing.OURS
    old, old_key = stored_keys(device.store), load_recovery_key(key_file)
    device, identity = start()
    homeserver.crash_after = step
    with pytest.raises(KeyboardInterrupt):
        await identity.reset()
    device, identity = start()
    assert await identity.ensure() is Standing.OURS
    keys, key = stored_keys(device.store), load_recovery_key(key_file)
    assert old is not None
    assert keys is not None
    assert keys.master.public != old.master.public
    assert homeserver.signing["master"]["keys"] == keys.bare_master(device.user_id)["keys"]
    assert is_signed(homeserver, device)
    assert key != old_key
    assert await identity.recovery.holds(keys.secrets())
    # And it stays so.
    before = dict(homeserver.account_data)
    assert await start()[1].ensure() is Standing.OURS
    assert homeserver.account_data == before


async def test_only_devices_that_were_ours_are_signed_out(
    start: Start, homeserver: AccountHomeserver, database: Database
) -> None:
    device, identity = start()
    assert await identity.ensure(True) is Standing.OURS
    # A stranger's session, and one that took over the id of a device of ours that we had once.
    homeserver.sessions |= {"PHONE", "REUSED"}
    stranger = open_device(database, homeserver, "carol")
    body = stranger.machine.upload_body(None, False)
    assert body is not None
    for name in ("PHONE", "REUSED"):
        keys = body["device_keys"]["keys"]
        homeserver.device_keys[device.user_id][name] = {
            "keys": {f"{kind.partition(':')[0]}:{name}": key for kind, key in keys.items()}
        }
    record = json.loads(device.store.secrets["own devices"])
    device.store.save_secret("own devices", json.dumps({"REUSED": "B" * 43, "GONE": "C" * 43, **record}).encode())
    # Our device is replaced.
    device.store.forget_device()
    await device.store.commit()
    device.machine = type(device.machine)(device.user_id, DeviceId("BOT2"), device.store)
    device.keys.machine = device.machine
    publish(device, homeserver)
    homeserver.sessions.add("BOT2")
    with capture_logs() as logs:
        again = Identity(homeserver, device.store, device.keys, device.user_id, "right", identity.recovery._file)
        assert await again.ensure(True) is Standing.OURS
    assert homeserver.sessions == {"BOT2", "PHONE", "REUSED"}
    assert json.loads(device.store.secrets["own devices"]).keys() == {"BOT2", "REUSED"}
    assert any(line.get("devices") == ["BOT"] for line in logs)
    assert any(line.get("device") == "REUSED" for line in logs if line["log_level"] == "warning")


async def test_where_devices_cannot_be_signed_out_all_else_is_in_place(
    start: Start, homeserver: AccountHomeserver
) -> None:
    device, identity = start()
    assert await identity.ensure(True) is Standing.OURS
    record = json.loads(device.store.secrets["own devices"])
    homeserver.sessions.add("FORMER")
    homeserver.device_keys[device.user_id]["FORMER"] = {"keys": {"ed25519:FORMER": "F" * 43}}
    device.store.save_secret("own devices", json.dumps({"FORMER": "F" * 43, **record}).encode())
    await device.store.commit()
    homeserver.refusal_of_sign_out = MatrixError(404, "M_UNRECOGNIZED", {})
    with capture_logs() as logs:
        assert await start()[1].ensure(True) is Standing.OURS
    [told] = [line for line in logs if "could not be signed out" in line["event"]]
    assert (told["devices"], told["reason"], told["log_level"]) == (["FORMER"], "M_UNRECOGNIZED", "warning")

    homeserver.refusal_of_sign_out = MatrixError(502, "M_UNKNOWN", {})
    with pytest.raises(MatrixError):
        await start()[1].ensure(True)  # the caller tries again
    homeserver.refusal_of_sign_out = None
    assert await start()[1].ensure(True) is Standing.OURS
    assert homeserver.sessions == {"BOT"}


async def test_why_it_waits_for_a_confirmation_is_said_once(start: Start, homeserver: AccountHomeserver) -> None:
    homeserver.always_asks = True
    identity = start(None)[1]
    with capture_logs() as logs:
        assert await identity.ensure() is Standing.UNPUBLISHED
        assert await identity.ensure() is Standing.UNPUBLISHED
        homeserver.challenge = {"flows": [{"stages": ["m.login.sso"]}], "session": "s"}
        assert await identity.ensure() is Standing.UNPUBLISHED
    reasons = [line["reason"] for line in logs if line["log_level"] == "error"]
    assert len(reasons) == len(set(reasons)) == 2


async def test_a_running_bot_tries_again_until_the_identity_is_in_place(
    database: Database, homeserver: AccountHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            homeserver.always_asks = False  # the operator has approved it
        if len(pauses) == 5:
            raise asyncio.CancelledError

    async def handle(event: Inbound, room: RoomView) -> None:
        raise AssertionError

    settings = AccountSettings(UserId("@bot:example.org"), password="wrong")
    account = MatrixAccount(database, homeserver, Sealer(STORE_KEY), settings, handle, lambda user, direct: False)
    account._adopt(DeviceId("BOT"))

    def standing() -> Standing | None:
        return account.standing

    homeserver.always_asks = True
    await account._equip()
    assert standing() is Standing.UNPUBLISHED
    assert account._identity_keys() is None
    monkeypatch.setattr("bridge.matrix.account.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await account._keep_identity()
    assert pauses == [300.0, 300.0, 300.0, 3600.0, 3600.0]
    assert standing() is Standing.OURS
    assert account._identity_keys() is not None


async def test_a_file_with_another_key_is_told(start: Start, homeserver: AccountHomeserver, key_file: Path) -> None:
    assert await start()[1].ensure() is Standing.OURS
    key_file.unlink()
    save_recovery_key(key_file, bytes(32))
    before = dict(homeserver.account_data)
    with capture_logs() as logs:
        assert await start()[1].ensure() is Standing.OURS
    assert any("another recovery key" in line["event"] for line in logs)
    assert homeserver.account_data == before


@pytest.mark.hostile
def test_an_export_opens_with_its_key_for_its_account_only() -> None:
    keys, key, me = CrossSigningKeys.generate(), bytes(range(32)), "@bot:example.org"
    text = exported(me, keys, key)  # type: ignore[arg-type]
    assert read_export(text, me, key) == keys.secrets()  # type: ignore[arg-type]
    damaged = json.loads(text)
    damaged["secrets"]["m.cross_signing.master"] = damaged["secrets"]["m.cross_signing.self_signing"]
    for wrong in (
        (text, "@alice:example.org", key),
        (text, me, bytes(32)),
        (json.dumps(damaged), me, key),
        ("", me, key),
        ("[]", me, key),
        ("[" * 100_000, me, key),
        (json.dumps({"format": "courtyard identity 1", "user_id": me, "key": 1, "secrets": {}}), me, key),
    ):
        with pytest.raises(ValueError, match=r"^(it|the recovery key) "):
            read_export(*wrong)  # type: ignore[arg-type]
