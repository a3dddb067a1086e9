"""`courtyard admin`: how much there is, never what; break-glass; and whether the ledger is as it was written."""

import json
import sys
from pathlib import Path

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.cli.ledger import head_file, note_head
from bridge.config import load
from bridge.db import Tx, ledger, media
from bridge.db.sealing import Unreadable
from bridge.delivery.outbox import Outbox
from bridge.errors import OperatorError
from bridge.ids import PersonId, parse_user_id
from bridge.rights.break_glass import MAX_REASON, PARTS, open_person
from bridge.rights.retention import dry_run
from bridge.storage import open_storage

_COUNTS = {
    "people": "SELECT COUNT(*) FROM people",
    "people_with_a_chat": "SELECT COUNT(*) FROM people WHERE opened_at IS NOT NULL",
    "friendships": "SELECT COUNT(*) / 2 FROM friendships",
    "moments": "SELECT COUNT(*) FROM moments",
    "pictures": "SELECT COUNT(*) FROM pictures",
    "comments": "SELECT COUNT(*) FROM comments",
    "likes": "SELECT COUNT(*) FROM likes",
    "votes": "SELECT COUNT(*) FROM votes",
    "copies_in_chats": "SELECT COUNT(*) FROM copies",
    "waiting_to_be_sent": "SELECT COUNT(*) FROM outbox WHERE state <> 'failed'",
    "waiting_to_be_taken_back": "SELECT COUNT(*) FROM outbox WHERE kind = 'redact' AND state <> 'failed'",
    "given_up": "SELECT COUNT(*) FROM outbox WHERE state = 'failed'",
    "drafts": "SELECT COUNT(*) FROM drafts WHERE state <> 'published'",
    "exports_under_way": "SELECT COUNT(*) FROM archive_jobs WHERE kind = 'export' AND state IN ('working', 'waiting')",
    "imports_under_way": "SELECT COUNT(*) FROM archive_jobs WHERE kind = 'import' AND state IN ('working', 'waiting')",
    "accounts_about_to_end": "SELECT COUNT(*) FROM deletions WHERE state <> 'asked'",
    "farewells": "SELECT COUNT(*) FROM farewells",
    "files_on_the_homeserver": "SELECT COUNT(*) FROM media",
}


def status(path: Path) -> int:
    """Print how much there is as JSON; the exit code."""
    config = load(path)
    with open_storage(config, update=False) as storage:

        def count(tx: Tx) -> dict[str, int]:
            return {name: int(tx.sql(query).scalar_one()) for name, query in _COUNTS.items()}

        counts: dict[str, object] = {**storage.db.run_sync(count)}
        counts["files_to_be_deleted"] = storage.db.run_sync(media.count_unheld)
        counts["erased"] = len(storage.vault.keys.erased())
        verdict = storage.db.run_sync(ledger.verify)
        counts["ledger"] = {"entries": verdict.entries, "head": verdict.head}
    print(json.dumps(counts, indent=2))
    return 0


def retention(path: Path) -> int:
    """Print as JSON how much would be let go now, by class; null: never. Nothing is changed. The exit code."""
    from bridge.app import retention_settings

    config = load(path)
    with open_storage(config, update=False) as storage:
        counts = dry_run(storage.db, retention_settings(config))
    print(json.dumps(counts, indent=2))
    return 0


def verify_log(path: Path, head: str | None) -> int:
    """Follow the ledger; the exit code: 0 when it is as it was written, 1 when not."""
    config = load(path)
    noted = head or head_file(config).last()
    with open_storage(config, update=False) as storage:
        verdict = storage.db.run_sync(lambda tx: ledger.verify(tx, noted))
    if verdict.broken is not None:
        print(f"The ledger was changed: entry {verdict.broken} is not as it was written, or lacks.", file=sys.stderr)
        return 1
    if verdict.misses_head:
        print(
            f"The ledger was cut or replaced: the head {noted}, which was noted, is not in it. It has "
            f"{verdict.entries} entries.",
            file=sys.stderr,
        )
        return 1
    print(f"{verdict.entries} entries, as they were written. Head: {verdict.head}")
    note_head(config, verdict.head)
    return 0


def open_contents(path: Path, who: str, what: list[str], reason: str) -> int:
    """Print what was asked for of a person as JSON, once that it was asked for is written down; the exit code."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON:
        raise OperatorError(f"admin: a reason of 1 to {MAX_REASON} characters is needed; the person will read it.")
    wrong = [part for part in what if part not in PARTS]
    if wrong or not what:
        raise OperatorError(f"admin: --what takes {', '.join(PARTS)}; it may be given several times.")
    config = load(path)
    people = People(config.chat.language, config.chat.time_zone)
    outbox = Outbox(people, Catalogue.load(), lambda: None)
    with open_storage(config, update=False) as storage:
        shown = storage.db.run_sync(lambda tx: open_person(tx, _person(tx, people, who), what, reason, outbox))
    note_head(config, str(shown["entry"]))
    print(json.dumps(shown, indent=2, ensure_ascii=False))
    return 0


def _person(tx: Tx, people: People, who: str) -> Person:
    user_id = parse_user_id(who)
    try:
        if user_id is not None:
            found = people.get(tx, user_id)
        else:
            found = people.by_id(tx, PersonId(int(who))) if who.isascii() and who.isdecimal() else None
    except Unreadable:
        raise OperatorError("admin: what is known of this person is damaged and can't be opened.") from None
    if found is None:
        raise OperatorError("admin: nobody of this Matrix id or number is here.")
    return found
