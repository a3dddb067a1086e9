"""`courtyard backup`, `backup-key` and `restore`."""

import sys
import time
from pathlib import Path

import pyrage

from bridge import log
from bridge.backup.dump import write_backup
from bridge.backup.restore import restore as restore_backup
from bridge.cli.ledger import note
from bridge.config import load
from bridge.config.private_file import write_new
from bridge.errors import OperatorError


def backup(path: Path, output: Path, recipients: list[str]) -> int:
    """Write a backup, beside the running bot or without one; the exit code."""
    config = load(path)
    log.set_up(config.log.level, config.log.format)
    if config.epoch_dir.is_relative_to(config.data_dir):
        print(
            "warning: backup.epoch_dir lies in data_dir: if they are lost together, no backup can be restored.",
            file=sys.stderr,
        )
    written = write_backup(config, output, tuple(recipients))
    note(config, "backup", rows=written.rows, until=written.restorable_until)
    print(f"Wrote {output}: {written.rows} rows, {written.bytes} bytes.")
    print(f"It can be restored until {_time(written.restorable_until)}; its epoch key is in {config.epoch_dir}.")
    return 0


def backup_key(path: Path) -> int:
    """Write a new key of age, and print its public part; the exit code."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    try:
        write_new(path, f"# public key: {recipient}\n{identity}\n".encode())
    except FileExistsError:
        raise OperatorError(f"backup: {path} exists already and stays as it is.") from None
    except OSError as error:
        raise OperatorError(f"backup: {path} can't be written ({error.strerror}).") from None
    print(recipient)
    return 0


def restore(path: Path, file: Path, identity: Path, keys: Path | None) -> int:
    """Fill an empty database from a backup; the exit code."""
    from bridge.app import only_one  # all of the bot, which a backup has no use for

    config = load(path)
    log.set_up(config.log.level, config.log.format)
    with only_one(config.data_dir):
        restored = restore_backup(config, file, identity, keys)
        note(config, "restored", of=restored.created_at)
    print(
        f"Restored {restored.people} people and {restored.rows} rows in all, as of {_time(restored.created_at)}. The "
        "bot logs in as a new device at its next start, with the same identity."
    )
    if restored.erased:
        print(f"{restored.erased} people who were erased since were left out.")
    if restored.without_key:
        print(f"{restored.without_key} people without a key were left out.")
    if config.matrix.access_token is not None:
        print("It needs an access token of a new device (`matrix.access_token`, `matrix.device_id`), or the password.")
    return 0


def _time(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ms / 1000))
