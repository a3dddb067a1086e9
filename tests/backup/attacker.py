"""Somebody who has the master key, the store key, the secret key of the backups, every present file and row, and old
backups: everything that any of these keys makes of any bytes, whether it is authentic or not.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyrage
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.backup.records import Damaged, Seal
from bridge.db import Database, Tx
from bridge.vault.master import LocalMasterKey
from tests.backup.conftest import SQLITE, House

_WRAPPED = 60
_NOISE = 38
"""Different values in the bytes of a wrapped key, at least: it looks like noise, which has 53.6 of them on average, and
as few as these once in 10¹² times. Texts have fewer."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{38,}={0,2}")


@dataclass
class Attacker:
    """Gathers files and keys, then `loot` is what they give."""

    master: LocalMasterKey
    texts: list[bytes] = field(default_factory=list)
    """Whatever can be read."""
    blobs: set[bytes] = field(default_factory=set)
    """Whatever may be sealed."""
    keys: set[bytes] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)

    def loot(self) -> bytes:
        """All that can be read or opened, in one."""
        for blob in list(self.blobs):
            self._unwrap(blob)
        opened = [plain for key in self.keys for blob in self.blobs for plain in _every_way(key, blob)]
        inside = Attacker(self.master)  # what has two keys is sealed once more
        for plain in opened:
            inside.take(plain)
        opened += [plain for key in self.keys for blob in inside.blobs for plain in _every_way(key, blob)]
        return b"\n".join([*self.texts, *opened])

    def _unwrap(self, blob: bytes) -> None:
        for owner in self.owners if len(blob) == _WRAPPED else ():
            try:
                self.keys.add(self.master.unwrap(f"courtyard data key {owner}".encode(), blob))
            except ValueError:
                continue

    def take(self, data: bytes) -> None:
        """Bytes of any kind: a text, and whatever may be base64 in it."""
        self.texts.append(data)
        for found in _BASE64.findall(data):
            try:
                self.blobs.add(base64.b64decode(found, validate=True))
            except ValueError:
                continue

    def take_file(self, data: bytes) -> None:
        """A file, of which any part may be a wrapped key."""
        self.take(data)
        for start in range(len(data) - _WRAPPED + 1):
            part = data[start : start + _WRAPPED]
            if len(set(part)) >= _NOISE:
                self._unwrap(part)

    def take_backup(self, data: bytes, identity: pyrage.x25519.Identity, epoch_keys: Iterable[bytes]) -> int:
        """A backup, and whatever may be its epoch key; how many of its sealed lines opened."""
        inside = pyrage.decrypt(data, [identity])
        self.take(inside)
        lines = inside.splitlines()
        sealed = {n: json.loads(line)["sealed"] for n, line in enumerate(lines) if line.startswith(b'{"sealed"')}
        first = min(sealed)
        opened = 0
        for key in epoch_keys:
            seal = Seal(key, json.loads(lines[0])["id"])
            try:
                seal.open(first, sealed[first])
            except Damaged:
                continue
            for place, value in sealed.items():
                self.take(json.dumps(seal.open(place, value), ensure_ascii=False).encode())
                opened += 1
        return opened


def attack(
    house: House, files: Iterable[Path], backup: Path, owners: set[int], copied: Iterable[bytes] = ()
) -> tuple[bytes, int]:
    """The loot, and how many sealed lines of the backup opened. `files`: present ones, and those of the epochs.
    `copied`: values of the main database, from before."""
    master = base64.b64decode((house.directory / "master.key").read_text())
    store = base64.b64decode((house.directory / "store.key").read_text())
    identity = pyrage.x25519.Identity.from_str(house.identity.read_text().splitlines()[1])
    attacker = Attacker(LocalMasterKey(master), owners=owners)
    attacker.keys = {master, store, _derived(store, b"courtyard sealed values"), _derived(master, b"wrap")}
    raw = [path.read_bytes() for path in files]
    for data in raw:
        attacker.take_file(data)
    for row in [*values(house.config.database_url), *values(house.config.key_store_url), *copied]:
        attacker.texts.append(row)
        attacker.blobs.add(row)
    possible = set(attacker.keys) | {blob for blob in attacker.blobs if len(blob) == 32}
    # An epoch key that was not overwritten would stand somewhere as it is.
    possible |= {data[i : i + 32] for data in raw if len(data) < 20_000 for i in range(len(data) - 31)}
    opened = attacker.take_backup(backup.read_bytes(), identity, possible)
    return attacker.loot(), opened


def values(url: str) -> list[bytes]:
    """Every value of every table of a database, as bytes."""
    database = Database.open(url)

    def read(tx: Tx) -> list[object]:
        tables = sa.inspect(tx.conn).get_table_names()
        return [value for table in tables for row in tx.sql(f'SELECT * FROM "{table}"') for value in row]

    try:
        found = database.run_sync(read)
    finally:
        database.close_sync()
    return [bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in found]


def present_files(house: House, engine: str) -> list[Path]:
    """What lies on the disk of this installation now. Of PostgreSQL's own files the documents speak."""
    here = [p for p in house.directory.iterdir() if p.is_file() and p.suffix != ".backup"]
    files = [p for p in here if engine == SQLITE or ".db" not in p.name]
    return [*files, *(p for p in house.config.epoch_dir.iterdir() if p.is_file())]


def _derived(key: bytes, purpose: bytes) -> bytes:
    purpose = b"courtyard master key: wrap" if purpose == b"wrap" else purpose
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(key)


def _every_way(key: bytes, blob: bytes) -> Iterator[bytes]:
    """What the ciphers in use make of it, without asking whether it is authentic."""
    if len(blob) > 29:
        yield _siv(key, blob[1:13], blob[13:])  # a sealed value of a person
        yield _siv(key, blob[:12], blob[12:])  # a wrapped key
        yield _ctr(key, blob[:12] + b"\0\0\0\2", blob[12:-16])  # a sealed value of the account


def _siv(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """AES-256-GCM-SIV (RFC 8452) without the check of its tag."""
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    own = b"".join(ecb.update(i.to_bytes(4, "little") + nonce)[:8] for i in range(2, 6))
    tag = sealed[-16:]
    block = Cipher(algorithms.AES(own), modes.ECB()).encryptor()
    counter, rest = int.from_bytes(tag[:4], "little"), tag[4:15] + bytes([tag[15] | 0x80])
    stream = b"".join(
        block.update(((counter + i) % 2**32).to_bytes(4, "little") + rest) for i in range(len(sealed) // 16)
    )
    return bytes(a ^ b for a, b in zip(sealed[:-16], stream, strict=False))


def _ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(counter)).decryptor().update(data)
