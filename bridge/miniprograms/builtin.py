"""The programs that come with Courtyard. They are written as anybody else's, with the public contract alone."""

from pathlib import Path

from bridge.miniprograms.manifest_file import NAMES

FOLDER = Path(__file__).parent / "programs"


def folders() -> list[Path]:
    """The folder of each program, by name."""
    return sorted(folder for folder in FOLDER.iterdir() if any((folder / name).is_file() for name in NAMES))
