"""What archives need of others: a homeserver that keeps encrypted files, and something that makes pictures safe."""

from collections.abc import Mapping
from typing import Any, Protocol

from bridge.chat.picture import StoredPicture
from bridge.errors import CourtyardError


class FileLater(CourtyardError):
    """The homeserver can't be reached, or asks to wait. Try again."""


class FileGone(CourtyardError):
    """There is no such file, it is not what was encrypted, or it is larger than it may be."""


class FileRefused(CourtyardError):
    """The homeserver will never take it: too large for it, for instance."""


class Files(Protocol):
    """Encrypted files on homeservers."""

    async def fetch(self, file: Mapping[str, Any], most: int) -> bytes:
        """The content of an EncryptedFile of at most so many bytes. Raises FileLater, FileGone."""
        ...

    async def store(self, data: bytes) -> Mapping[str, Any]:
        """Encrypt under a fresh key and upload; the EncryptedFile. Raises FileLater, FileRefused."""
        ...

    async def picture(self, data: bytes) -> StoredPicture:
        """Make a picture safe to pass on, encrypt and upload it. Raises UserError for what is none; FileLater."""
        ...
