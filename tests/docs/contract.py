"""What is published of the contract with mini-programs and of archives, in `docs`: made from the models."""

import json
from collections.abc import Iterator

from bridge.miniprograms import schemas
from bridge.miniprograms.tools import typings
from bridge.rights.archive import models


def published() -> Iterator[tuple[str, str]]:
    """Where in `docs`, and the text of each file."""
    for name, text in schemas.documents():
        yield f"mini-programs/{name}", text
    yield "mini-programs/courtyard.d.ts", typings.render()
    yield "archive/archive.schema.json", json.dumps(models.schema(), indent=2) + "\n"
