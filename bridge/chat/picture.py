"""A picture as moments and profiles keep it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture that was made safe, encrypted and uploaded; all parts are JSON-ready."""

    file: Mapping[str, object]
    """EncryptedFile of the spec: url, key, iv, hashes."""
    thumbnail: Mapping[str, object] | None
    """EncryptedFile of the thumbnail."""
    info: Mapping[str, object]
    """ImageInfo of the spec: mimetype, size, w, h, thumbnail_info."""

    @property
    def files(self) -> tuple[Mapping[str, object] | None, ...]:
        """All that lies on the homeserver."""
        return self.file, self.thumbnail

    def image_info(self) -> Mapping[str, object]:
        """ImageInfo with the thumbnail in it, as it is sent."""
        if self.thumbnail is None:
            return self.info
        return {**self.info, "thumbnail_file": self.thumbnail}


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A picture that we have made ourselves."""

    data: bytes
    mimetype: str
    width: int
    height: int


Publish: TypeAlias = Callable[[DrawnPicture], Awaitable[StoredPicture]]
"""Encrypts a picture of our own and uploads it. It raises what it raises when that does not work."""
