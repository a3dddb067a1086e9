"""`courtyard identity …`: look at the bot's identity, recover it, replace it, export it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import typer
from sqlalchemy import make_url

from bridge import log
from bridge.app import account_settings, has_keys, only_one
from bridge.chat.inbound import Inbound, RoomView
from bridge.config import (
    Config,
    decode_recovery_key,
    load,
    load_or_create_store_key,
    load_recovery_key,
    save_recovery_key,
)
from bridge.config.private_file import write_new
from bridge.db import Database, Tx
from bridge.db.migrate import check_version, upgrade
from bridge.errors import OperatorError
from bridge.ids import AccountId
from bridge.matrix.account import AccountSettings, MatrixAccount
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, Unreachable
from bridge.matrix.identity import Standing, stored_keys
from bridge.matrix.identity_export import exported, read_export
from bridge.matrix.identity_status import IdentityStatus, identity_status
from bridge.matrix.recovery import Given, Recovery
from bridge.matrix.seal import Sealer
from bridge.matrix.uia import NotConfirmed

_WAIT_S = 120.0
_MAX_FILE = 65_536


# --- without changing anything: also beside a running bot -----------------------------------------------------------


def status(path: Path) -> int:
    """Print the status as JSON; the exit code: 0 when all is well."""
    config = load(path)
    found = asyncio.run(_status(config))
    print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    return 0 if found.good else 1


async def _status(config: Config) -> IdentityStatus:
    limits = config.limits
    with _kept(config) as kept:
        if kept is None:
            return IdentityStatus(
                config.matrix.user_id, problems=["the bot has not been started yet; run `courtyard run`"]
            )
        async with Homeserver.connect(config.matrix.homeserver, limits.request_timeout_seconds) as http:
            http.token = kept.token
            recovery = Recovery(http, kept.store, config.matrix.user_id, config.recovery_key_file)
            return await identity_status(http, kept.store, recovery, config.matrix.user_id, kept.device_id)


def fingerprint(path: Path) -> int:
    """Print what can be compared by hand: the keys of the device and of the identity; the exit code."""
    config = load(path)
    with _kept(config) as kept:
        account = kept.store.load_account() if kept is not None else None
        if kept is None or kept.device_id is None or account is None:
            raise OperatorError("identity: the bot has no device yet; start it once with `courtyard run`.")
        print(f"account   {config.matrix.user_id}")
        print(f"device    {kept.device_id}")
        print(f"          {_groups(account.identity_keys['ed25519'])}")
        keys = stored_keys(kept.store)
        print(f"identity  {_groups(keys.master.public) if keys is not None else 'none'}")
    return 0


def export(path: Path, output: Path | None, recovery_key: Path | None) -> int:
    """Write the identity, encrypted under the recovery key, or that key itself, into new files; the exit code."""
    if output is None and recovery_key is None:
        raise OperatorError("identity: name the file to write with --output, or with --recovery-key.")
    config = load(path)
    with _kept(config) as kept:
        keys = stored_keys(kept.store) if kept is not None else None
        if kept is None or keys is None:
            raise OperatorError("identity: the bot has none yet; start it once with `courtyard run`.")
        key = kept.store.secrets.get("recovery key") or load_recovery_key(config.recovery_key_file)
        if not key:
            raise OperatorError("identity: the bot has no recovery key; the log of its last start says why.")
        if output is not None:
            _write(output, exported(config.matrix.user_id, keys, key))
            print(f"Wrote {output}. It is encrypted: it is of use only together with the recovery key.")
        if recovery_key is not None:
            save_recovery_key(recovery_key, key)
            print(f"Wrote {recovery_key}. Whoever has this key can pass for the bot: keep it apart.")
    return 0


class _Kept:
    """What the database holds of the bot's own keys."""

    def __init__(self, db: Database, account: AccountId, sealer: Sealer) -> None:
        self.store = CryptoStore(db, account, sealer)
        self.device_id: str | None = None
        self.token: str | None = None


@contextlib.contextmanager
def _kept(config: Config) -> Iterator[_Kept | None]:
    """The keys as they were committed last; None where the bot was never started."""
    url = make_url(config.database_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        yield None
        return
    db = Database.open(config.database_url)
    try:
        check_version(db.engine)

        def read(tx: Tx) -> _Kept | None:
            row = tx.sql(
                "SELECT id, device_id, access_token FROM accounts WHERE user_id = ?", (config.matrix.user_id,)
            ).first()
            if row is None or row[1] is None or row[2] is None:
                return None
            sealer = Sealer(load_or_create_store_key(config.store_key_file, may_create=False))
            kept = _Kept(db, AccountId(row[0]), sealer)
            kept.store.load_keys(tx)
            kept.device_id, kept.token = row[1], sealer.open("access token", bytes(row[2])).decode()
            return kept

        yield db.run_sync(read)
    finally:
        db.close_sync()


# --- what writes: only while the bot is stopped ---------------------------------------------------------------------


def recover(path: Path, recovery_key: str | None, exported_file: Path | None, password_file: str | None) -> int:
    """Take the account's identity over with its recovery key, and sign the bot's device; the exit code."""
    config = load(path)
    log.set_up(config.log.level, config.log.format)
    given = _given(config, recovery_key, exported_file)
    settings = _with_password(replace(account_settings(config), recover_from=given), password_file)
    standing = asyncio.run(_recover(config, settings))
    if standing is Standing.OURS:
        print("The identity is in place, and the bot's device is signed by it.")
        return 0
    print("courtyard: the identity is not in place; the log above says why.", file=sys.stderr)
    return 1


async def _recover(config: Config, settings: AccountSettings) -> Standing | None:
    async with _account(config, settings) as account:
        return account.standing


def reset(path: Path, password_file: str | None, *, confirmed: bool) -> int:
    """Replace the identity by a new one; the exit code."""
    config = load(path)
    if not confirmed:
        raise OperatorError(
            "identity: a reset makes a new identity and a new recovery key; everybody who has verified the bot is "
            "warned and has to verify it again. To do that, add --yes. To get the old identity back instead, use "
            "`courtyard identity recover`."
        )
    log.set_up(config.log.level, config.log.format)
    standing = asyncio.run(_reset(config, _with_password(account_settings(config), password_file)))
    if standing is not Standing.OURS:
        print("courtyard: the new identity is not in place yet; the log above says why.", file=sys.stderr)
        return 1
    print(f"The bot has a new identity. Its recovery key is in {config.recovery_key_file}; keep a copy elsewhere.")
    print(
        "Whoever had verified the bot has to verify it again: `courtyard identity fingerprint` shows what to compare."
    )
    return 0


async def _reset(config: Config, settings: AccountSettings) -> Standing:
    async with _account(config, settings) as account:
        assert account.identity is not None
        try:
            async with asyncio.timeout(_WAIT_S):
                return await account.identity.reset()
        except NotConfirmed as error:
            raise OperatorError(f"identity: nothing was changed: {error}.") from None
        except (TimeoutError, Unreachable, TokenRevoked):
            raise OperatorError("identity: the homeserver went away in the middle; do it again.") from None
        except MatrixError as error:
            raise OperatorError(f"identity: the homeserver refused it ({error.errcode}); look into its log.") from None


@contextlib.asynccontextmanager
async def _account(config: Config, settings: AccountSettings) -> AsyncIterator[MatrixAccount]:
    """The bot's account, logged in and equipped, with nobody to answer. Refused while the bot runs."""
    limits = config.limits
    with only_one(config.data_dir):
        db = Database.open(config.database_url)
        try:
            await asyncio.to_thread(upgrade, db.engine)
            sealer = Sealer(load_or_create_store_key(config.store_key_file, may_create=not has_keys(db)))
            async with Homeserver.connect(config.matrix.homeserver, limits.request_timeout_seconds) as http:
                account = MatrixAccount(db, http, sealer, settings, _nobody, lambda inviter, direct: False)
                try:
                    async with asyncio.timeout(_WAIT_S):
                        await account.start()
                except TimeoutError:
                    raise OperatorError("identity: the homeserver can't be reached; check whether it runs.") from None
                yield account
        finally:
            await db.close()


async def _nobody(event: Inbound, room: RoomView) -> None:
    """Nothing is handled here: there is no sync."""


def _with_password(settings: AccountSettings, file: str | None) -> AccountSettings:
    if file is None:
        return settings
    password = _read(file, "the password").rstrip("\r\n")
    if not password.strip() or "\n" in password:
        raise OperatorError("identity: the password should be one line of text.")
    return replace(settings, password=password)


def _given(config: Config, recovery_key: str | None, exported_file: Path | None) -> Given | None:
    if recovery_key is not None:
        text: str | None = _read(recovery_key, "the recovery key")
    elif not config.recovery_key_file.exists() and sys.stdin.isatty():
        text = typer.prompt("Recovery key (not shown)", hide_input=True)
    else:
        text = None
    try:
        key = decode_recovery_key(text) if text is not None else load_recovery_key(config.recovery_key_file)
    except ValueError:
        raise OperatorError("identity: that is no recovery key: a sign is missing or wrong.") from None
    if exported_file is None:
        return Given(key) if key is not None else None
    if key is None:
        raise OperatorError("identity: the export can be read only with its recovery key; give --recovery-key.")
    try:
        return Given(key, read_export(_read(str(exported_file), "the export"), config.matrix.user_id, key))
    except ValueError as error:
        raise OperatorError(f"identity: the export can't be used: {error}.") from None


def _read(file: str, what: str) -> str:
    """One small file; `-` is standard input."""
    if file == "-":
        return sys.stdin.read(_MAX_FILE)
    try:
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(_MAX_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise OperatorError(f"identity: {what} can't be read from {file} ({reason}).") from None


def _write(path: Path, text: str) -> None:
    try:
        write_new(path, text.encode())
    except FileExistsError:
        raise OperatorError(f"identity: {path} exists already and stays as it is.") from None
    except OSError as error:
        raise OperatorError(f"identity: {path} can't be written ({error.strerror}).") from None


def _groups(key: str) -> str:
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))
