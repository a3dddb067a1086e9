"""A picture as moments and profiles keep it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture that was made safe, encrypted and uploaded; all parts are JSON-ready."""

    file: Mapping[str, object]
    """EncryptedFile of the spec: url, key, iv, hashes."""
    thumbnail: Mapping[str, object] | None
    """EncryptedFile of the thumbnail."""
    info: Mapping[str, object]
    """ImageInfo of the spec: mimetype, size, w, h, thumbnail_info."""

    def image_info(self) -> Mapping[str, object]:
        """ImageInfo with the thumbnail in it, as it is sent."""
        if self.thumbnail is None:
            return self.info
        return {**self.info, "thumbnail_file": self.thumbnail}
