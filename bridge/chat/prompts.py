"""Questions with numbered answers that wait for one person."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.chat.grammar import parse_number
from bridge.db import Tx
from bridge.ids import PersonId

COPY_KIND = "prompt"
"""Kind of the CopyRef of a question that was sent; its ref_id is the prompt's id."""

_COLUMNS = "id, person_id, kind, ref_id, options, expires_at, state"
_VARIATION = str.maketrans("", "", "\ufe0e\ufe0f\u20e3" + "".join(map(chr, range(0x1F3FB, 0x1F400))))
_FIRST = frozenset("👍✅✔☑")
_SECOND = frozenset("👎❌✖")


@dataclass(frozen=True, slots=True)
class Prompt:
    id: int
    person_id: PersonId
    kind: str
    ref_id: int | None
    options: tuple[str, ...]
    """Names of the options, in the order of their numbers."""
    is_open: bool
    """False: answered, closed or expired."""


def open(tx: Tx, person_id: PersonId, kind: str, ref_id: int | None, options: Sequence[str], ttl_ms: int) -> int:
    """Ask `person_id` to choose among `options` within `ttl_ms`. The prompt's id, for CopyRef(COPY_KIND, id).

    An older open question about the same thing is closed: its numbers may mean something else.
    """
    if ref_id is not None:
        tx.sql(
            "UPDATE prompts SET state = 'closed' WHERE person_id = ? AND kind = ? AND ref_id = ? AND state = 'open'",
            (person_id, kind, ref_id),
        )
    row = tx.sql(
        "INSERT INTO prompts (person_id, kind, ref_id, options, state, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, 'open', ?, ?) RETURNING id",
        (person_id, kind, ref_id, json.dumps(list(options)), tx.now, tx.now + ttl_ms),
    ).one()
    return int(row[0])


def some_open(tx: Tx, person_id: PersonId) -> list[Prompt]:
    """The questions that still wait for this person, two of them at most."""
    rows = tx.sql(
        f"SELECT {_COLUMNS} FROM prompts WHERE person_id = ? AND state = 'open' AND expires_at > ?"
        " ORDER BY id DESC LIMIT 2",
        (person_id, tx.now),
    )
    return [_prompt(row, tx.now) for row in rows]


def by_id(tx: Tx, prompt_id: int) -> Prompt | None:
    row = tx.sql(f"SELECT {_COLUMNS} FROM prompts WHERE id = ?", (prompt_id,)).first()
    return None if row is None else _prompt(row, tx.now)


def answer(tx: Tx, prompt_id: int) -> bool:
    """Mark an open question as answered. False when it was not open any more."""
    done = tx.sql("UPDATE prompts SET state = 'answered' WHERE id = ? AND state = 'open'", (prompt_id,))
    return done.rowcount == 1


def close(tx: Tx, kind: str, ref_id: int) -> None:
    """Close every open question about this thing: nobody needs to answer it any more."""
    tx.sql("UPDATE prompts SET state = 'closed' WHERE kind = ? AND ref_id = ? AND state = 'open'", (kind, ref_id))


def number_of_text(body: str) -> int | None:
    """The number that a message consists of, or None when it says anything else; 0 stands for a number that is no
    possible choice."""
    text = body.strip().translate(_VARIATION).rstrip(".)。")
    if not text.isdecimal():
        return None
    return parse_number(text) or 0


def number_of_reaction(key: str) -> int | None:
    """The choice that a reaction means: a keycap or 🔟 its number, 👍 ✅ the first option, 👎 ❌ the second."""
    if len(key) > 16:
        return None
    bare = key.translate(_VARIATION)
    if bare in _FIRST:
        return 1
    if bare in _SECOND:
        return 2
    if bare == "🔟":
        return 10
    return parse_number(bare) if bare.isdecimal() and len(bare) == 1 else None


def _prompt(row: Sequence[object], now: int) -> Prompt:
    id_, person_id, kind, ref_id, options, expires_at, state = row
    assert isinstance(id_, int)
    assert isinstance(person_id, int)
    assert isinstance(expires_at, int)
    assert ref_id is None or isinstance(ref_id, int)
    names = tuple(str(name) for name in json.loads(str(options)))
    return Prompt(id_, PersonId(person_id), str(kind), ref_id, names, state == "open" and expires_at > now)
