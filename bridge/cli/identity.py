"""`courtyard identity status`, `fingerprint` and `export`: they change nothing, and work beside a running bot."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import make_url

from bridge.config import (
    Config,
    load,
    load_or_create_store_key,
    load_recovery_key,
    save_recovery_key,
)
from bridge.config.private_file import write_new
from bridge.db import Database, Tx
from bridge.db.migrate import check_version
from bridge.errors import OperatorError
from bridge.ids import AccountId
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver
from bridge.matrix.identity import stored_keys
from bridge.matrix.identity_export import exported
from bridge.matrix.identity_status import IdentityStatus, identity_status
from bridge.matrix.recovery import Recovery
from bridge.matrix.seal import Sealer


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
            given = config.matrix.access_token
            kept.token = given.get_secret_value() if given else sealer.open("access token", bytes(row[2])).decode()
            kept.device_id = row[1]
            return kept

        yield db.run_sync(read)
    finally:
        db.close_sync()


def _write(path: Path, text: str) -> None:
    try:
        write_new(path, text.encode())
    except FileExistsError:
        raise OperatorError(f"identity: {path} exists already and stays as it is.") from None
    except OSError as error:
        raise OperatorError(f"identity: {path} can't be written ({error.strerror}).") from None


def _groups(key: str) -> str:
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))
