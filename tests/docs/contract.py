"""What is published of the contract with mini-programs, in `docs/mini-programs`: made from the models."""

from collections.abc import Iterator

from bridge.miniprograms import schemas
from bridge.miniprograms.tools import typings


def published() -> Iterator[tuple[str, str]]:
    """The name and the text of each file."""
    yield from schemas.documents()
    yield "courtyard.d.ts", typings.render()
