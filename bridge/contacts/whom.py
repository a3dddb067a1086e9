"""Whom a word means: a Matrix id, or a friend by the name that one knows them by."""

from bridge.chat.grammar import parse_user, shortened
from bridge.contacts import profiles, store
from bridge.contacts.model import NAME, folded
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId, UserId


def whom(tx: Tx, owner: PersonId, said: str, *, given: bool = True) -> UserId:
    """The Matrix id that `said` is, or that of the friend whom `owner` knows so: by remark, by a name that they see,
    or by the first part of the Matrix id. `given`: names count that people gave themselves. Nobody but friends is
    looked at, so it tells of nobody whether they are here.

    Raises:
        UserError: no friend is called so, or several are.
    """
    user = parse_user(said)
    if user is not None:
        return user
    plain = folded(said.strip().removeprefix("@"))
    if not plain:
        raise UserError("whom-none", name=shortened(said))
    users = {friend.id: friend.user_id for friend in store.friends_of(tx, owner)}
    people = list(users)
    found = {person for person, one in users.items() if folded(one[1:].partition(":")[0]) == plain}
    given_names = profiles.visible_values(tx, owner, people, NAME) if given else {}
    for names in (given_names, store.remarks(tx, owner, people)):
        found |= {person for person, name in names.items() if folded(name) == plain}
    if len(found) > 1:
        raise UserError("whom-which", name=shortened(said), users=" / ".join(sorted(users[one] for one in found)))
    if not found:
        raise UserError("whom-none", name=shortened(said))
    return users[found.pop()]
