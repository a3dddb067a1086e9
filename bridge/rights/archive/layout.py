"""How an archive is laid out: parts, each a zip file of its own with a manifest of what is in it."""

from dataclasses import dataclass

FORMAT = "courtyard archive 1"
MANIFEST = "manifest.json"
MIMETYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Bounds."""

    part_bytes: int = 16 * 1024 * 1024
    """Of one part, about: it ends with the file that reaches this size."""
    bytes: int = 1024 * 1024 * 1024
    """Of all parts together. What is more is left out of an export, and said; an import is refused."""
    picture_bytes: int = 20 * 1024 * 1024
    per_day: int = 3
    """Exports, and imports, that one person may ask for within 24 hours."""
    entries: int = 20_000
    """Files in one part that is imported."""
    moments: int = 100_000
    """Moments that are imported at once."""
    wait_ms: int = 24 * 3600 * 1000
    """How long an import waits for its parts and for an answer."""
    tries: int = 20
    """How often a step is tried, with growing pauses, before the person is told that it does not work."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as manifests list it."""

    name: str
    size: int
    """Bytes, unpacked."""
    sha256: str
    """Hexadecimal, of the unpacked file."""
    part: int
    title: str = ""
    """In the table of contents; not in the manifest."""
