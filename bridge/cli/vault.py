"""`courtyard vault status` and `rotate`: people's keys and the master key that wraps them, also while the bot runs."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from bridge.cli.ledger import note
from bridge.config import Config, MasterKeySource, load, master_key_source
from bridge.config.key_file import new_key, write_key_file
from bridge.db import Database
from bridge.db.exclusive import is_taken
from bridge.db.two_keys import is_key
from bridge.errors import OperatorError
from bridge.storage import master_keys
from bridge.vault import KeyStore

_SAMPLE = 20


def status(path: Path) -> int:
    """Print the state of the key store as JSON; the exit code: 0 when all is well."""
    config = load(path)
    with _opened(config) as keys:
        current = keys.current_id()
        counts = keys.count()
        found = keys.get(keys.sample(_SAMPLE))
        damaged = sum(key is None for key in found.values())
        former = sum(count for master, count in counts.items() if master != current)
        problems: list[str] = []
        if former:
            problems.append("keys under a former master key remain; run `courtyard vault rotate`")
        if damaged:
            problems.append("keys can't be opened; restore the key store from a backup")
        if keys.masters.current.id != current:
            problems.append("the first of the given master keys is not the one in use; run `courtyard vault rotate`")
        shown = {
            "version": keys.version(),
            "master": current,
            "given": [key.id for key in keys.masters.keys],
            "data_keys": counts,
            "erased": sum(not is_key(owner) for owner in keys.erased()),
            "sample": {"tried": len(found), "damaged": damaged},
            "problems": problems,
        }
    print(json.dumps(shown, indent=2))
    return 1 if problems else 0


def rotate(path: Path) -> int:
    """Exchange the master key; the exit code. May be broken off at any point and called again."""
    config = load(path)
    source = master_key_source(config)
    if source.writable and source.path is not None:
        code = _rotate_file(config, source.path.resolve())
    else:
        code = _rotate_given(config, source)
    note(config, "rotated", complete=code == 0)
    return code


def _rotate_file(config: Config, file: Path) -> int:
    with _opened(config) as keys, _one_at_a_time(file.parent):
        lines = _lines(config)
        if len(lines) > 1 and keys.masters.current.id == keys.current_id() and not _former(keys):
            # Broken off before its last step.
            write_key_file(file, lines[:1], "master key")
            print("The last exchange is complete now: the former key is out of the file. To exchange it again, repeat.")
            return 0
        if len(lines) == 1:
            # The former key behind the new one: whoever reads the file from now on can open and write.
            write_key_file(file, [new_key(), *lines], "master key")
            keys.masters.reload()
            lines = _lines(config)
        done = keys.rewrap()
        left = _former(keys)
        print(f"{done} keys are wrapped by the new master key {keys.masters.current.id}.")
        if left:
            print(
                f"{left} keys can't be opened and stay under a former master key, which stays in {file}. Restore them "
                "from a backup, or erase the people; then call this again."
            )
            return 1
        write_key_file(file, lines[:1], "master key")
        print(f"The former key is out of {file}. Backups of the key store from before still need it: keep a copy as")
        print("long as you keep them, and make a copy of the new key now.")
        return 0


def _rotate_given(config: Config, source: MasterKeySource) -> int:
    with _opened(config) as keys:
        given = keys.masters.keys
        wanted, used = keys.masters.current.id, keys.current_id()
        if wanted != used and _is_running(config):
            raise OperatorError(
                f"vault: the running bot does not use the first key of {source.name} yet; start it again first, then "
                "call this again."
            )
        if len(given) == 1 and not _former(keys):
            print(
                f"Nothing to do: all keys are wrapped by {wanted}. The master key comes from {source.name}, which this"
            )
            print(
                "command can't write. To exchange it: put a new key in front of the present one, separated by a comma,"
            )
            print("start the bot again, call this command, then take the former key away.")
            return 0
        done = keys.rewrap()
        left = _former(keys)
        print(f"{done} keys are wrapped by the new master key {wanted}.")
        if left:
            print(f"{left} keys can't be opened and stay under a former master key: leave it in {source.name}.")
            return 1
        print(f"Now take the former key out of {source.name}, and start the bot again. Backups of the key store from")
        print("before still need it: keep a copy as long as you keep them.")
        return 0


@contextlib.contextmanager
def _opened(config: Config) -> Iterator[KeyStore]:
    if not KeyStore.exists(config.key_store_url):
        raise OperatorError("vault: there is no key store yet; start `courtyard run` once.")
    keys = KeyStore.open(config.key_store_url, master_keys(config), change=False)
    try:
        yield keys
    finally:
        keys.close()


def _lines(config: Config) -> list[str]:
    return master_key_source(config).read().replace(",", " ").split()


def _former(keys: KeyStore) -> int:
    """How many keys a former master key wraps."""
    current = keys.masters.current.id
    return sum(count for master, count in keys.count().items() if master != current)


@contextlib.contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Two rotations at once would each write the file."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OperatorError("vault: another rotation is under way.") from None
    finally:
        os.close(descriptor)


def _is_running(config: Config) -> bool:
    """Whether a bot works on the database."""
    db = Database.open(config.database_url)
    try:
        return is_taken(db.engine, config.matrix.user_id)
    finally:
        db.close_sync()
