"""The operator's part in operator-confirmed verification: the emoji go to their DM, the answer is a number."""

from collections.abc import Callable

import structlog

from bridge.chat import prompts
from bridge.chat.command import Request
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.chat.reply import CopyRef, Lines, Message, Reply, Text
from bridge.db import Database, Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import UserId
from bridge.matrix.sas_values import ShortAuth

log = structlog.get_logger(__name__)

KIND = "verification"
"""Kind of the prompts; their ref_id is the flow's number."""
_MATCH, _DIFFER = "match", "differ"


class Confirmations:
    """Implements `bridge.matrix.verification.Operator`."""

    def __init__(self, db: Database, operator: UserId, people: People, outbox: Outbox) -> None:
        self._db = db
        self._operator = operator
        self._people = people
        self._outbox = outbox
        self.decide: Callable[[int, bool], None] = lambda ref, matches: None
        """Takes the operator's answer, on the event loop."""
        self.is_open: Callable[[int], bool] = lambda ref: False
        """Whether an answer is still waited for."""
        self.hooks = Hooks(on_choice={KIND: self._chosen})

    async def ask(self, ref: int, person: UserId, shown: ShortAuth, ttl_s: float) -> bool:
        """See `Operator.ask`. False: the operator has no chat with the bot."""

        def work(tx: Tx) -> bool:
            operator = self._people.known(tx, self._operator)
            if operator is None or self._people.dm(tx, operator.id) is None:
                return False
            prompt = prompts.open(tx, operator.id, KIND, ref, (_MATCH, _DIFFER), int(ttl_s * 1000))
            emoji = tuple(Text("verification-emoji", {"number": number}) for number in shown.emoji or ())
            a, b, c = map(str, shown.decimals)
            self._outbox.message(
                tx,
                operator,
                Message(
                    (
                        Text("verification-ask", {"person": person}),
                        *((Lines(emoji),) if emoji else ()),
                        Text("verification-decimals", {"a": a, "b": b, "c": c}),
                        Lines((Text("verification-choice-match"), Text("verification-choice-differ"))),
                        Text("verification-ask-howto"),
                    ),
                    CopyRef(prompts.COPY_KIND, prompt),
                ),
            )
            return True

        asked = await self._db.run(work)
        if not asked:
            log.warning("a verification was declined: verification.operator has no chat with the bot")
        return asked

    async def ended(self, ref: int, person: UserId, *, signed: bool) -> None:
        """See `Operator.ended`: the question is closed, and the operator told how it ended."""

        def work(tx: Tx) -> None:
            prompts.close(tx, KIND, ref)
            operator = self._people.known(tx, self._operator)
            if operator is not None:
                text = "verification-signed" if signed else "verification-not-signed"
                self._outbox.message(tx, operator, Message((Text(text, {"person": person}),)))

        await self._db.run(work)

    def _chosen(self, request: Request, ref: int, option: str) -> Reply:
        if request.person.user_id != self._operator or not self.is_open(ref):
            return Reply.text("verification-over")
        origin = request.event.origin
        if not origin.encrypted or origin.device is None or origin.unsigned_ms or origin.signed_at is None:
            # The homeserver between the two could say it as well: it sees reactions, and can add sessions. The question
            # stays open, as nothing of this is committed.
            raise UserError("verification-type-it")
        request.tx.after_commit(lambda: self.decide(ref, option == _MATCH))
        return Reply.text("verification-confirmed" if option == _MATCH else "verification-refused")
