"""The lines of a backup, inside age's encryption: JSON, one record a line, so that it is written and read as a stream.

    {"courtyard": "backup", …}                       the header
    {"sealed": BASE64}                               a record, sealed under the epoch key
    ["table", NAME, [[COLUMN, KIND], …], LAST_ID]    what follows belongs to this table
    ["rows", [[VALUE, …], …]]
    {"end": LINES, "mac": BASE64}                    keyed hash of all before

age keeps it secret, but everybody who knows the recipient could have written it: so the hash is made with a key that
only the bot has. Not a tar archive: its members would need their sizes in front, which are known only after reading.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.backup.layout import VERSION

MAX_LINE = 64 * 1024 * 1024
_NONCE = 12

Record: TypeAlias = list[Any]


class Damaged(Exception):
    """This is no backup, or not as it was written."""


@dataclass(frozen=True, slots=True)
class Header:
    id: str
    epoch: str
    epoch_ends: int
    created_at: int
    schema: str
    account: str

    def line(self) -> bytes:
        value = {
            "courtyard": "backup",
            "version": VERSION,
            "id": self.id,
            "created_at": self.created_at,
            "schema": self.schema,
            "account": self.account,
            "epoch": self.epoch,
            "epoch_ends": self.epoch_ends,
        }
        return encoded(value)


class Newer(Exception):
    """A later version of the program wrote it."""


def parse_header(line: bytes) -> Header:
    """Raises Damaged, Newer."""
    value = decoded(line)
    if not isinstance(value, dict) or value.get("courtyard") != "backup" or type(value.get("version")) is not int:
        raise Damaged
    if value["version"] > VERSION:
        raise Newer
    texts = [value.get(name) for name in ("id", "epoch", "schema", "account")]
    times = [value.get(name) for name in ("epoch_ends", "created_at")]
    if not all(isinstance(t, str) and len(t) <= 255 for t in texts) or not all(type(t) is int for t in times):
        raise Damaged
    backup_id, epoch, schema, account = map(str, texts)
    ends, created = (int(t) for t in times if t is not None)
    return Header(backup_id, epoch, ends, created, schema, account)


class Seal:
    """Seals records under the epoch key, each bound to its backup and its place in it."""

    def __init__(self, epoch_key: bytes, backup_id: str) -> None:
        self._aead = AESGCMSIV(HKDF(SHA256(), 32, None, f"courtyard backup {backup_id}".encode()).derive(epoch_key))

    def seal(self, place: int, record: Record) -> bytes:
        nonce = hashlib.sha256(f"{place}".encode()).digest()[:_NONCE]  # the key is this backup's own
        return encoded({"sealed": _b64(self._aead.encrypt(nonce, encoded(record), f"{place}".encode()))})

    def open(self, place: int, sealed: str) -> Record:
        """Raises Damaged."""
        nonce = hashlib.sha256(f"{place}".encode()).digest()[:_NONCE]
        try:
            return record(decoded(self._aead.decrypt(nonce, unb64(sealed), f"{place}".encode())))
        except InvalidTag:
            raise Damaged from None


class Mac:
    """The hash over all lines, with a key made from the store key."""

    def __init__(self, store_key: bytes) -> None:
        self._hash = hmac.new(
            HKDF(SHA256(), 32, None, b"courtyard backup: written by").derive(store_key), None, "sha256"
        )
        self.lines = 0

    def add(self, line: bytes) -> None:
        self._hash.update(line)
        self.lines += 1

    def end(self) -> bytes:
        return encoded({"end": self.lines, "mac": _b64(self._hash.digest())})

    def is_end(self, value: dict[str, Any]) -> bool:
        """Whether this last line fits. Raises Damaged when it is none."""
        if type(value.get("end")) is not int or not isinstance(value.get("mac"), str):
            raise Damaged
        return value["end"] == self.lines and hmac.compare_digest(unb64(value["mac"]), self._hash.digest())


class Lines:
    """A file to write to that hands on whole lines."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._parts.append(part + b"\n")
            line = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._take(line)
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > MAX_LINE:
                raise Damaged
        return len(data)

    def flush(self) -> None:
        """Nothing waits but the beginning of a line."""

    def finish(self) -> None:
        """Raises Damaged when it ended within a line."""
        if self._parts:
            raise Damaged


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def decoded(line: bytes) -> Any:
    """Raises Damaged."""
    try:
        return json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise Damaged from None


def record(value: Any) -> Record:
    """Raises Damaged."""
    if not isinstance(value, list) or len(value) < 2 or value[0] not in ("table", "rows"):
        raise Damaged
    return value


def to_json(value: Any, kind: str) -> Any:
    """A value of the database as JSON has it."""
    return _b64(bytes(value)) if kind == "b" and value is not None else value


def from_json(value: Any, kind: str) -> Any:
    """Raises Damaged."""
    if kind == "b" and value is not None:
        return unb64(value)
    if value is None or type(value) is (int if kind == "i" else str):
        return value
    raise Damaged


def unb64(text: Any) -> bytes:
    """Raises Damaged."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Damaged from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
