"""A part of an archive that somebody sent, looked at as what it is: a file of a stranger. Blocks: for a thread.

Nothing is unpacked to a disk. What the zip says of itself is checked before anything of it is read; everything that is
read is bounded, and has the SHA-256 that the manifest says.
"""

import hashlib
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from typing import Any, TypeVar

from pydantic import ValidationError

from bridge.errors import CourtyardError
from bridge.rights.archive import models
from bridge.rights.archive.layout import FORMAT, MANIFEST, ArchiveSettings
from bridge.rights.archive.models import Manifest, Model

M = TypeVar("M", bound=Model)

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_HEADER = 46
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}", re.ASCII)
_MAX_NAME = 200
_MAX_EXTRA = 64
_MAX_JSON = 16 * 1024 * 1024
_MAX_CONTAINERS, _MAX_VALUES = 200_000, 1_500_000
"""Of one JSON file, counted before it is read: a few bytes of it may become an object of hundreds."""
_READ = 1 << 16
_DENSEST = 16
"""JSON of one part, unpacked, is no more than so many times what a part may be: all of it is taken apart."""


class Unusable(CourtyardError):
    """It can't be taken. `message_id` says why, to the person."""

    def __init__(self, message_id: str) -> None:
        super().__init__(message_id)
        self.message_id = message_id


def none() -> Unusable:
    return Unusable("import-no-archive")


def damaged() -> Unusable:
    return Unusable("import-damaged")


class Opened:
    """A part that is whole."""

    def __init__(self, data: bytes, settings: ArchiveSettings) -> None:
        """Raises Unusable."""
        self._settings = settings
        self._zip = _zip(data, settings)
        try:
            self._sizes = self._checked_names()
            self.manifest = self._read_manifest()
            self._check_files()
        except Unusable:
            self.close()
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
            # RecursionError is a RuntimeError.
            self.close()
            raise damaged() from None

    def close(self) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Of its files, but for the manifest."""
        return [name for name in self._sizes if name != MANIFEST]

    @property
    def digest(self) -> str:
        """Of what it says that it holds."""
        return digest(self.manifest, self.manifest.part)

    def size(self, name: str) -> int:
        """Bytes of a file of it. Raises KeyError."""
        return self._sizes[name]

    def read(self, name: str) -> bytes:
        """A file of it. Raises Unusable, KeyError."""
        size = self._sizes[name]
        try:
            with self._zip.open(name) as file:
                data = file.read(size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            raise damaged() from None
        if len(data) != size:
            raise damaged()
        return data

    def document(self, name: str, kind: type[M]) -> M:
        """A JSON file of it. Raises Unusable, KeyError."""
        return kind.model_validate(self._json(name))

    # --- checks -----------------------------------------------------------------------------------------------
    def _checked_names(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for info in self._zip.infolist():
            name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG) and not info.flag_bits & 0x1 and info.compress_type in (0, 8)
            if name in sizes or not is_plain or len(name) > _MAX_NAME or not _NAME.fullmatch(name):
                raise damaged()
            sizes[name] = info.file_size
        documents = sum(size for name, size in sizes.items() if models.Files.model(name) is not None)
        most = _DENSEST * max(self._settings.part_bytes, self._settings.picture_bytes)
        if sum(sizes.values()) > self._settings.bytes or documents > most:
            raise Unusable("import-too-large")
        if MANIFEST not in sizes:
            raise none()
        return sizes

    def _read_manifest(self) -> Manifest:
        value = self._json(MANIFEST)
        if not isinstance(value, dict) or not str(value.get("format", "")).startswith("courtyard archive "):
            raise none()
        if value["format"] != FORMAT:
            raise Unusable("import-newer")
        return Manifest.model_validate(value)

    def _check_files(self) -> None:
        """Each file is there, is as it is listed, and nothing else is."""
        listed = {entry.name: entry for entry in self.manifest.files}
        own = {entry.name: entry for entry in self.manifest.files if entry.part == self.manifest.part}
        if len(listed) != len(self.manifest.files) or own.keys() != set(self.names):
            raise damaged()
        if not self.manifest.last and len(own) != len(listed):
            raise damaged()
        for name, entry in own.items():
            if entry.size != self._sizes[name] or self._hash(name) != entry.sha256:
                raise damaged()
            kind = models.Files.model(name)
            if kind is not None:
                try:
                    kind.model_validate(self._json(name))
                except ValidationError:
                    raise damaged() from None

    def _hash(self, name: str) -> str:
        digest = hashlib.sha256()
        left = self._sizes[name]
        with self._zip.open(name) as file:
            while part := file.read(_READ):
                left -= len(part)
                if left < 0:
                    raise damaged()
                digest.update(part)
        return digest.hexdigest()

    def _json(self, name: str) -> Any:
        if self._sizes[name] > _MAX_JSON:
            raise Unusable("import-too-large")
        data = self.read(name)
        if data.count(b"[") + data.count(b"{") > _MAX_CONTAINERS or data.count(b",") > _MAX_VALUES:
            raise Unusable("import-too-large")
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise damaged() from None


def digest(manifest: Manifest, part: int) -> str:
    """Of what a manifest says about the files of a part."""
    lines = sorted(f"{entry.name} {entry.size} {entry.sha256}" for entry in manifest.files if entry.part == part)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _zip(data: bytes, settings: ArchiveSettings) -> zipfile.ZipFile:
    """What Python reads of a zip is decided by its directory: that is looked at first, since a hostile one costs memory
    by its mere length."""
    if not data.startswith(b"PK\x03\x04") or len(data) < _END.size:
        raise none()
    mark, disk, first_disk, here, count, size, offset, comment = _END.unpack(data[-_END.size :])
    if mark != _END_MARK or comment:
        raise damaged()  # cut off, mostly
    if disk or first_disk or here != count or offset + size != len(data) - _END.size:
        raise damaged()
    if count > settings.entries or size > count * (_HEADER + _MAX_NAME + _MAX_EXTRA):
        raise Unusable("import-too-large")
    try:
        found = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, struct.error, IndexError):
        raise damaged() from None
    if len(found.infolist()) != count:
        found.close()
        raise damaged()
    return found
