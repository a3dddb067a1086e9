"""What becomes of somebody's friends, requests, tags and profile when their account ends: the port `Eraser`."""

from collections.abc import Mapping

from bridge.chat import prompts
from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.contacts.changes import PROFILE
from bridge.contacts.past import PAST
from bridge.contacts.private_chats import INVITED, OVER, PrivateChats
from bridge.contacts.service import FRIEND_COPY, PROMPT
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.privacy import field_rules

_COUNTS = {
    "friends": "SELECT COUNT(*) FROM friendships WHERE person_id = ?",
    "requests": "SELECT COUNT(*) FROM friend_requests WHERE from_id = ?",
    "profile": "SELECT COUNT(*) FROM profile_fields WHERE person_id = ?",
    "tags": "SELECT COUNT(*) FROM tags WHERE owner_id = ?",
    "remarks": "SELECT COUNT(*) FROM stances WHERE person_id = ? AND sealed IS NOT NULL",
    "invites": "SELECT COUNT(*) FROM invites WHERE owner_id = ?",
}


class ContactsEraser:
    """Rows go by themselves with the person's; here is what does not."""

    def __init__(self, outbox: Outbox, people: People, chats: PrivateChats) -> None:
        self._outbox = outbox
        self._people = people
        self._chats = chats

    def count(self, tx: Tx, person: Person) -> Mapping[str, int]:
        return {name: int(tx.sql(query, (person.id,)).scalar_one()) for name, query in _COUNTS.items()}

    def erase(self, tx: Tx, person: Person, most: int) -> bool:
        return False  # to others the person vanishes in one step: the last

    def finish(self, tx: Tx, person: Person) -> None:
        self._take_back(tx, person.id)
        shut_out = _Exclusions(tx, person.id)
        _forget_in_rules(tx, person.id)
        if person.user_id and not shut_out.is_empty:
            # Their row goes, and with it how they are found: the new one is as that of somebody who was only named.
            tx.sql("UPDATE people SET lookup = ? WHERE id = ?", (b"erased %d" % person.id, person.id))
            shut_out.move(tx, self._people.ensure(tx, person.user_id).id)
        tx.after_commit(lambda: self._chats.wake())

    def _take_back(self, tx: Tx, person: PersonId) -> None:
        """Everything that was sent to others and is about the person: it holds their name."""
        for kind in (PROFILE, FRIEND_COPY):
            self._outbox.withdraw(tx, kind, person)
        asked = tx.sql(
            "SELECT p.id FROM prompts p JOIN friend_requests r ON r.id = p.ref_id"
            " WHERE p.kind = ? AND (r.from_id = ? OR r.to_id = ?)",
            (PROMPT, person, person),
        ).scalars()
        parted = tx.sql("SELECT id FROM prompts WHERE kind = ? AND ref_id = ?", (PAST, person)).scalars()
        for prompt_id in [*asked.all(), *parted.all()]:
            self._outbox.withdraw(tx, prompts.COPY_KIND, prompt_id)
            tx.sql("DELETE FROM prompts WHERE id = ?", (prompt_id,))
        jobs = tx.sql("SELECT id FROM private_chats WHERE asker_id = ? OR other_id = ?", (person, person))
        for job_id in jobs.scalars().all():
            for kind in (INVITED, OVER):
                self._outbox.withdraw(tx, kind, job_id)


class _Exclusions:
    """Who shut the person out: these decisions are others', and an account that ends must be no way around them."""

    def __init__(self, tx: Tx, person: PersonId) -> None:
        self._person = person
        one = (person,)
        stances = tx.sql(
            "SELECT person_id, blocked, shut_out FROM stances WHERE other_id = ? AND (blocked = 1 OR shut_out = 1)", one
        ).all()
        self._stances = {row.person_id: (row.blocked, row.shut_out) for row in stances}
        for owner in _scalars(
            tx,
            "SELECT t.owner_id FROM tags t JOIN tag_members m ON m.tag_id = t.id"
            " WHERE t.shut_out = 1 AND m.person_id = ?",
            one,
        ):
            self._stances[owner] = (self._stances.get(owner, (0, 0))[0], 1)
        self._moments = {
            *_scalars(tx, "SELECT moment_id FROM moment_people WHERE person_id = ? AND left_out = 1", one),
            *_scalars(
                tx,
                "SELECT t.moment_id FROM moment_tags t JOIN tag_members m ON m.tag_id = t.tag_id"
                " WHERE t.mode = 'left_out' AND m.person_id = ?",
                one,
            ),
        }
        tags = frozenset(_scalars(tx, "SELECT tag_id FROM tag_members WHERE person_id = ?", one))
        self.fields = [
            (owner, field)
            for (owner, field), to in field_rules.load(tx, _with_rules(tx)).items()
            if owner != person and (person in to.except_people or to.except_tags & tags)
        ]
        """Owner and field of the rules that leave the person out."""

    @property
    def is_empty(self) -> bool:
        return not (self._stances or self._moments or self.fields)

    def move(self, tx: Tx, new: PersonId) -> None:
        """Let them hold for whoever comes with this Matrix id."""
        tx.sql(
            "INSERT INTO stances (person_id, other_id, blocked, shut_out) VALUES (?, ?, ?, ?)",
            [(owner, new, *flags) for owner, flags in sorted(self._stances.items())],
        )
        tx.sql(
            "INSERT INTO moment_people (moment_id, person_id, left_out) VALUES (?, ?, 1)",
            [(moment, new) for moment in sorted(self._moments)],
        )
        rules = field_rules.load(tx, {owner for owner, _ in self.fields})
        for owner, field in self.fields:
            field_rules.save(tx, owner, field, rules[owner, field].leaving_out(new))


def _forget_in_rules(tx: Tx, person: PersonId) -> None:
    """Others' rules for the fields of their profiles name people by their ids."""
    for (owner, field), to in field_rules.load(tx, _with_rules(tx)).items():
        if owner != person and person in to.people | to.except_people:
            field_rules.save(tx, owner, field, to.without(person))


def _with_rules(tx: Tx) -> list[PersonId]:
    """Whose rules name or leave out anybody."""
    return [PersonId(i) for i in _scalars(tx, "SELECT DISTINCT person_id FROM field_rules WHERE audience LIKE '%[%'")]


def _scalars(tx: Tx, query: str, params: tuple[int, ...] = ()) -> list[int]:
    return [int(value) for value in tx.sql(query, params).scalars()]
