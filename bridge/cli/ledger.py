"""What operators do is written into the ledger, and the ledger's head into a file apart from it."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bridge.config import Config
from bridge.db import ledger
from bridge.db.sealing import HOUSE
from bridge.errors import OperatorError
from bridge.storage import open_storage
from bridge.vault.heads import NAME, Heads


def head_file(config: Config) -> Heads:
    """Where the head of the ledger is noted."""
    return Heads(config.epoch_dir / NAME)


def note_head(config: Config, head: str) -> None:
    """Note a head; where that fails, the operator is told, and what was done stays done."""
    try:
        head_file(config).note(head)
    except OperatorError as error:
        print(f"warning: {error}", file=sys.stderr)


def note(config: Config, kind: str, **details: Any) -> None:
    """Write down that an operator did something. Where that fails, the operator is told, and it stays done."""
    with contextlib.suppress(sa.exc.ArgumentError):
        url = sa.make_url(config.database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return  # there is no ledger yet
    try:
        with open_storage(config, update=False) as storage:
            entry = storage.db.run_sync(lambda tx: ledger.append(tx, HOUSE, kind, **details))
        note_head(config, entry.head)
    except OperatorError as error:
        print(f"warning: this could not be noted in the ledger: {error}", file=sys.stderr)
