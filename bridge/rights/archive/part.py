"""One part of an archive in the making. Its work blocks: it belongs into a thread."""

import hashlib
import io
import zipfile

from bridge.rights.archive.layout import MANIFEST, Listed

_TIME = (1980, 1, 1, 0, 0, 0)
"""When files were made is told by no zip file."""
_STORED = (".jpg", ".png", ".webp", ".gif", ".bin")


class Part:
    def __init__(self, number: int) -> None:
        self.number = number
        self.files: list[Listed] = []
        self._out = io.BytesIO()
        self._zip = zipfile.ZipFile(self._out, "w", allowZip64=False)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._out.tell()

    @property
    def is_empty(self) -> bool:
        return not self.files

    def add(self, name: str, data: bytes, title: str = "") -> None:
        self.files.append(Listed(name, len(data), hashlib.sha256(data).hexdigest(), self.number, title))
        self._write(name, data)

    def close(self, manifest: bytes) -> bytes:
        """The whole zip file."""
        self._write(MANIFEST, manifest)
        self._zip.close()
        return self._out.getvalue()

    def abandon(self) -> None:
        """It comes to nothing, if it is not closed already."""
        self._zip.close()

    def _write(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name, _TIME)
        info.external_attr = 0o600 << 16
        info.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
        self._zip.writestr(info, data)
