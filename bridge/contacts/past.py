"""What becomes of the likes and comments that one left under the moments of somebody from whom one parts (I8)."""

from typing import Protocol

from bridge.chat import prompts
from bridge.chat.command import Request
from bridge.chat.reply import CopyRef, Lines, Message, Reply, Text
from bridge.ids import PersonId, UserId

PAST = "friend-past"
"""Kind of the question what becomes of them; its subject is the former friend's row id."""
KEEP, WITHDRAW = "keep", "withdraw"
_TTL_MS = 24 * 3600 * 1000


class Past(Protocol):
    """Implemented by what people can respond to."""

    def find(self, request: Request, user_id: UserId) -> PersonId | None:
        """The former friend, if one left anything under their moments."""
        ...

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        """The answer to the question: KEEP or WITHDRAW."""
        ...


def past_choices(request: Request, user: UserId, past: Past | None, copies: int) -> Reply:
    """The answer to having parted; with a question, where one left something behind.

    Args:
        copies: at most so many copies of one's own moments are withdrawn from them.
    """
    removed = Text("friend-removed", {"user": user, "copies": copies})
    other = None if past is None else past.find(request, user)
    if other is None:
        return Reply((Message((removed,)),))
    prompt_id = prompts.open(request.tx, request.person.id, PAST, other, (KEEP, WITHDRAW), _TTL_MS)
    choices = Lines((Text("past-keep"), Text("past-withdraw")))
    return Reply((Message((removed, Text("past-question"), choices), CopyRef(prompts.COPY_KIND, prompt_id)),))
