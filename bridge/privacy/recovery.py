"""`privacy recovery`: after a person's encryption identity was reset, nothing personal until it is surely still them.

Who takes over a Matrix account can reset its identity and sign a device of their own. With this switch on, that is not
enough: a session that was verified before the reset has to confirm, or the person types a code that they were given
beforehand. Of the code only a hash is kept. Nor is a session enough that nobody verified: whoever has the password
could make one without resetting anything.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.hooks import Delivery, Hooks
from bridge.chat.people import user_ids
from bridge.chat.reply import Message, Reply, Text
from bridge.db import Tx, ledger
from bridge.errors import UserError
from bridge.ids import PersonId, UserId

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without what is easily mistaken: 0 O 1 I
_GROUPS, _GROUP = 5, 4
"""20 characters of 32: 100 bits, so that a plain hash is as good as a slow one."""
_GROUP_NAME = "privacy"


@dataclass(frozen=True, slots=True)
class _State:
    hash: str | None
    paused_at: int | None


def _state(tx: Tx, person: Person) -> _State:
    row = tx.sql("SELECT recovery_hash, paused_at FROM people WHERE id = ?", (person.id,)).one()
    return _State(row[0], row[1])


def guarded_users(tx: Tx) -> set[UserId]:
    """Everybody who has it switched on. Of whom nothing can be read, nothing can be given out either."""
    rows = tx.sql("SELECT id FROM people WHERE recovery_hash IS NOT NULL").all()
    return set(user_ids(tx, [PersonId(row[0]) for row in rows]).values())


class Guarded:
    """Who has it switched on, as it is committed: asked for whenever something is encrypted, so kept in memory."""

    def __init__(self, users: Iterable[UserId] = ()) -> None:
        self._users: set[str] = set(users)

    def __call__(self, user: str) -> bool:
        return user in self._users

    def set(self, tx: Tx, user: UserId, on: bool) -> None:
        """Note it once the transaction is committed."""
        tx.after_commit(lambda: self._users.add(user) if on else self._users.discard(user))


def is_guarded(tx: Tx, person: Person) -> bool:
    """Whether this person has it switched on."""
    return _state(tx, person).hash is not None


def identity_changed(tx: Tx, person: Person) -> Message:
    """What a person is told of a reset identity. With recovery switched on, their personal data pauses from now on."""
    state = _state(tx, person)
    if state.hash is None:
        return Message((Text("identity-changed"),))
    tx.sql("UPDATE people SET paused_at = ? WHERE id = ? AND paused_at IS NULL", (tx.now, person.id))
    return Message((Text("identity-changed-paused"),))


def _hash(code: str) -> str:
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(b"courtyard recovery " + plain.encode()).hexdigest()


class _Commands:
    def __init__(self, delivery: Delivery, guarded: Guarded) -> None:
        self._delivery = delivery
        self._guarded = guarded

    def switch(self, request: Request) -> Reply:
        """`privacy recovery [on|off]`."""
        tx, person = request.tx, request.person
        word = str(request.args.get("switch", "")).casefold()
        if word in ("on", "开", "打开"):
            if request.event.origin.unsigned_ms:
                raise UserError("recovery-unsigned")  # from here on, this session would not be heard any more
            code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
            tx.sql("UPDATE people SET recovery_hash = ? WHERE id = ?", (_hash(code), person.id))
            self._guarded.set(tx, person.user_id, True)
            ledger.append(tx, person.id, "recovery", on=True)
            return Reply.text("recovery-on", code=code)
        if word in ("off", "关", "关闭"):
            tx.sql("UPDATE people SET recovery_hash = NULL WHERE id = ?", (person.id,))
            self._guarded.set(tx, person.user_id, False)
            ledger.append(tx, person.id, "recovery", on=False)
            return Reply.text("recovery-off")
        if word:
            raise UserError("recovery-switch")
        return Reply.text("recovery-is-on" if _state(tx, person).hash is not None else "recovery-is-off")

    def recover(self, request: Request) -> Reply:
        """`recover [CODE]`."""
        tx, person = request.tx, request.person
        state = _state(tx, person)
        if state.paused_at is None:
            raise UserError("recovery-not-paused")
        code = str(request.args.get("code", ""))
        if code:
            if state.hash is None or not hmac.compare_digest(_hash(code), state.hash):
                raise UserError("recovery-wrong-code")
        else:
            signed_at = request.event.origin.signed_at
            if signed_at is None or signed_at >= state.paused_at:
                raise UserError("recovery-new-session")
        tx.sql("UPDATE people SET paused_at = NULL WHERE id = ?", (person.id,))
        self._delivery.release(tx, person_id=person.id)
        return Reply.text("recovery-done")


def build(delivery: Delivery, guarded: Guarded) -> tuple[list[Command], Hooks]:
    """What this adds to the chat. `guarded` is kept up to date."""
    do = _Commands(delivery, guarded)
    commands = [
        Command(
            "privacy recovery",
            (Param("switch", (Kind.WORD,), required=False),),
            do.switch,
            group=_GROUP_NAME,
        ),
        Command(
            "recover", (Param("code", (Kind.REST,), required=False),), do.recover, group=_GROUP_NAME, when_paused=True
        ),
    ]
    return commands, Hooks(is_guarded=is_guarded, on_identity_changed=identity_changed)
