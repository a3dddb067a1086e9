"""What one left under the moments of somebody from whom one parted: kept, or taken back (I8)."""

from bridge.chat.command import Request
from bridge.chat.people import People
from bridge.chat.reply import Reply
from bridge.contacts.past import WITHDRAW
from bridge.db import Tx
from bridge.ids import PersonId, UserId
from bridge.moments.service import Moments


class LeftBehind:
    """The port `bridge.contacts.past.Past` for likes, votes and comments."""

    def __init__(self, moments: Moments, people: People) -> None:
        self._moments = moments
        self._people = people

    def find(self, request: Request, user_id: UserId) -> PersonId | None:
        other = self._people.known(request.tx, user_id)
        if other is None:
            return None
        left = _under(request.tx, "likes", request.person.id, other.id, 1)
        left += _under(request.tx, "votes", request.person.id, other.id, 1)
        if not left and not self._comments(request, other.id):
            return None
        return other.id

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        if option != WITHDRAW:
            return Reply.text("past-kept")
        tx, person = request.tx, request.person
        other = PersonId(ref_id)
        for comment_id in self._comments(request, other):
            self._moments.responding.delete_comment(tx, person, comment_id)
        for moment_id in _under(tx, "likes", person.id, other):
            self._moments.responding.forget_like(tx, person, moment_id)
        for moment_id in _under(tx, "votes", person.id, other):
            self._moments.responding.unvote(tx, person, moment_id)
        return Reply.text("past-withdrawn")

    @staticmethod
    def _comments(request: Request, author: PersonId) -> list[int]:
        rows = request.tx.sql(
            "SELECT c.id FROM comments c JOIN moments m ON m.id = c.moment_id"
            " WHERE c.person_id = ? AND m.author_id = ?",
            (request.person.id, author),
        )
        return [row.id for row in rows]


def _under(tx: Tx, table: str, person: PersonId, author: PersonId, limit: int = 1_000_000) -> list[int]:
    """Moments of `author` that somebody liked, or voted on."""
    rows = tx.sql(
        f"SELECT r.moment_id FROM {table} r JOIN moments m ON m.id = r.moment_id"
        " WHERE r.person_id = ? AND m.author_id = ? LIMIT ?",
        (person, author, limit),
    )
    return [row.moment_id for row in rows]
