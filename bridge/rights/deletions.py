"""The end of an account (P12): asked for, confirmed by a code, waited for, and then carried out step by step.

Until the time is over nothing changes, for anybody. Then the bot does not listen to the person any more, takes back
what others were sent of theirs, some at a time, and in one last transaction they are gone.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.db import Tx, ledger
from bridge.db.forgetting import forget_people
from bridge.db.recent import Recent
from bridge.db.sealing import HOUSE, Unreadable
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import AccountId, PersonId, RoomId, UserId
from bridge.privacy.eraser import Eraser, Teller
from bridge.rights.farewells import Farewells
from bridge.rights.receipt import Receipt

ASKED, WAITING, BEGUN = "asked", "waiting", "begun"
OWN, INACTIVE = "own", "inactive"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # letters only: no number that is sent for something else can be a code
_CODE_MS = 30 * 60 * 1000
_AT_ONCE = 200
_AWAIT_MS = 5000
_DAY_MS = 24 * 3600 * 1000
_MOST_SEEN = 20_000


@dataclass(frozen=True, slots=True)
class DeletionSettings:
    grace_ms: int = 7 * 24 * 3600 * 1000
    """Between the confirmation and the end."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the end of somebody's account."""

    state: str
    why: str
    due_at: int | None

    @property
    def is_decided(self) -> bool:
        return self.state != ASKED


@dataclass(slots=True)
class Deletions:
    """All methods run inside the transaction that they are given."""

    people: People
    outbox: Outbox
    farewells: Farewells
    erasers: Sequence[Eraser]
    """In this order: each may look at what the later ones delete."""
    settings: DeletionSettings = DeletionSettings()
    teller: Teller | None = None
    """One of the erasers, the first: tells others who keep something elsewhere."""
    wake: Callable[[], None] = field(default=lambda: None)
    """Called when another time may be the next."""
    on_gone: Callable[[], None] = field(default=lambda: None)
    """Called when somebody is gone."""
    _seen: Recent[tuple[PersonId, int]] = field(default_factory=lambda: Recent(_MOST_SEEN))
    """Who has said something on which day (ms), as it is committed."""

    # --- what people say --------------------------------------------------------------------------------------
    def state(self, tx: Tx, person: PersonId) -> State | None:
        row = tx.sql("SELECT state, why, due_at FROM deletions WHERE person_id = ?", (person,)).first()
        return None if row is None else State(row.state, row.why, row.due_at)

    def count(self, tx: Tx, person: Person) -> dict[str, int]:
        """What there is of a person, by class."""
        counts: dict[str, int] = {}
        for eraser in self.erasers:
            counts.update(eraser.count(tx, person))
        return counts

    def ask(self, tx: Tx, person: Person) -> str:
        """Give out a code. Nothing is decided by it; what is decided already must not be asked for again."""
        code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(2))
        tx.sql("DELETE FROM deletions WHERE person_id = ?", (person.id,))
        tx.sql(
            "INSERT INTO deletions (person_id, state, why, code, code_until, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (person.id, ASKED, OWN, _code(tx, person.id, code), tx.now + _CODE_MS, tx.now),
        )
        return code

    def confirm(self, tx: Tx, person: Person, code: str) -> int:
        """Decide it. When it comes, ms.

        Raises:
            UserError: it is not the code, its time is over, or none was given out.
        """
        row = tx.sql(
            "SELECT code, code_until FROM deletions WHERE person_id = ? AND state = ?", (person.id, ASKED)
        ).first()
        if row is None:
            raise UserError("erasure-no-code")
        if row.code_until <= tx.now:
            raise UserError("erasure-code-over")
        if not hmac.compare_digest(bytes(row.code), _code(tx, person.id, code)):
            raise UserError("erasure-wrong-code")
        due = tx.now + self.settings.grace_ms
        self._decide(tx, person.id, OWN, due)
        ledger.append(tx, person.id, "deletion-asked", due=due)
        return due

    def keep(self, tx: Tx, person: Person) -> None:
        """Take it back.

        Raises:
            UserError: there is nothing to take back.
        """
        state = self.state(tx, person.id)
        if state is None or state.state != WAITING:
            raise UserError("erasure-nothing-to-keep")
        tx.sql("DELETE FROM deletions WHERE person_id = ?", (person.id,))
        if state.why == OWN:
            ledger.append(tx, person.id, "deletion-kept")

    def end_inactive(self, tx: Tx, person: PersonId, notice_ms: int) -> int:
        """The account of somebody who said nothing for long will end, unless they say anything. When, ms."""
        due = tx.now + notice_ms
        self._decide(tx, person, INACTIVE, due)
        return due

    def spoke(self, tx: Tx, person: Person) -> None:
        """Somebody has said something: noted to the day, and nobody calls them inactive."""
        today = tx.now // _DAY_MS * _DAY_MS
        if (person.id, today) in self._seen:
            return
        tx.after_commit(lambda: self._seen.add((person.id, today)))
        seen = tx.sql(
            "UPDATE people SET seen_at = ? WHERE id = ? AND (seen_at IS NULL OR seen_at < ?)", (today, person.id, today)
        )
        if seen.rowcount:
            tx.sql(
                "DELETE FROM deletions WHERE person_id = ? AND why = ? AND state = ?", (person.id, INACTIVE, WAITING)
            )

    # --- carrying it out --------------------------------------------------------------------------------------
    def next_due(self, tx: Tx) -> int | None:
        """When the next one comes, ms; one that has begun is due."""
        at = tx.sql(
            "SELECT MIN(due_at) FROM deletions WHERE state IN (?, ?)",
            (WAITING, BEGUN),
        ).scalar()
        return None if at is None else int(at)

    def due(self, tx: Tx) -> list[PersonId]:
        """Whose time is over."""
        rows = tx.sql(
            "SELECT person_id FROM deletions WHERE state = ? OR (state = ? AND due_at <= ?) ORDER BY due_at LIMIT 100",
            (BEGUN, WAITING, tx.now),
        )
        return [PersonId(row.person_id) for row in rows]

    def begin(self, tx: Tx, person_id: PersonId) -> bool:
        """From now on nothing that the person says counts. False: they took it back in the last moment.

        What there is of them is counted now, before any of it goes.
        """
        state = self.state(tx, person_id)
        if state is None or state.state == ASKED or state.due_at is None or state.due_at > tx.now:
            return False
        person = self._person(tx, person_id)
        if person is not None:
            self.farewells.leave(self._rooms(tx, person))
            if state.state == WAITING:
                counts = tx.vault.seal(person_id, "deletions", person_id, "sealed", self.count(tx, person))
                tx.sql("UPDATE deletions SET state = ?, sealed = ? WHERE person_id = ?", (BEGUN, counts, person_id))
        return True

    def step(self, tx: Tx, person_id: PersonId) -> bool:
        """Do some of it; the last step deletes the person. Whether there is more to do now: it may wait for those who
        are told that the person is gone."""
        person = self._person(tx, person_id)
        if person is None:
            return False
        for eraser in self.erasers:
            if eraser.erase(tx, person, _AT_ONCE):
                return True
            # Before anybody sees anything of it: how long it takes would tell others what the person used.
            if eraser is self.teller and self.teller.is_awaited(tx, person):
                tx.sql("UPDATE deletions SET due_at = ? WHERE person_id = ?", (tx.now + _AWAIT_MS, person_id))
                return False
        self._finish(tx, person)
        return False

    def _finish(self, tx: Tx, person: Person) -> None:
        row = tx.sql(
            "SELECT d.sealed, p.dm_account_id, p.dm_room_id FROM deletions d JOIN people p ON p.id = d.person_id"
            " WHERE d.person_id = ?",
            (person.id,),
        ).one()
        counts = tx.vault.read(person.id, "deletions", person.id, "sealed", row.sealed) or {}
        told = () if self.teller is None else tuple(self.teller.told(tx, person))
        receipt = Receipt.of(counts, tx.now, told)
        rooms = self._rooms(tx, person)
        for eraser in self.erasers:
            eraser.finish(tx, person)
        ledger.append(tx, HOUSE, "erased", digest=receipt.digest)
        account = row.dm_account_id or tx.sql("SELECT MIN(id) FROM accounts").scalar_one()
        place = (AccountId(account), None if row.dm_room_id is None else RoomId(row.dm_room_id))
        content = self.outbox.render(receipt.message(), person)
        self.farewells.begin(tx, person.id, person.user_id, place, rooms, content)
        # Answers to a comment stay, as comments of their own; rows that lead to the person go with theirs.
        forget_people(tx, [person.id])
        tx.after_commit(self.on_gone)
        tx.scrub_later()

    # --- inside -----------------------------------------------------------------------------------------------
    def _person(self, tx: Tx, person_id: PersonId) -> Person | None:
        try:
            return self.people.by_id(tx, person_id)
        except Unreadable:
            # Nobody can be told, and nothing can be found by their name. All else goes.
            return Person(person_id, UserId(""), "en", "UTC")

    def _rooms(self, tx: Tx, person: Person) -> list[RoomId]:
        current = tx.sql("SELECT dm_room_id FROM people WHERE id = ?", (person.id,)).scalar()
        return sorted({*self.farewells.rooms_of(person.user_id), *([] if current is None else [RoomId(current)])})

    def _decide(self, tx: Tx, person: PersonId, why: str, due: int) -> None:
        tx.sql("DELETE FROM deletions WHERE person_id = ?", (person,))
        tx.sql(
            "INSERT INTO deletions (person_id, state, why, due_at, created_at) VALUES (?, ?, ?, ?, ?)",
            (person, WAITING, why, due, tx.now),
        )
        tx.after_commit(lambda: self.wake())


def _code(tx: Tx, person: PersonId, code: str) -> bytes:
    """A keyed hash: the code itself stands nowhere."""
    plain = "".join(c for c in code.upper() if c.isalpha())
    return tx.vault.lookup(f"deletion code {person}", plain)
