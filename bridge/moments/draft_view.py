"""What a draft's author is told of it: what is in it, for whom it is, and the question what is to become of it."""

from dataclasses import replace

from bridge.chat import prompts
from bridge.chat.command import Person, Request
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text, Time
from bridge.contacts.model import one_line
from bridge.contacts.names import enumeration
from bridge.db import Tx
from bridge.errors import UserError
from bridge.moments import drafts
from bridge.moments.drafts import DRAFT, Draft, State
from bridge.moments.publishing import Publisher

PUBLISH, CHOOSE, CANCEL = "publish", "audience", "cancel"
_SNIPPET = 60


class DraftView:
    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._limits = publisher.limits

    def show(self, request: Request, draft: Draft, *, wider: Text | None = None) -> Reply:
        """Store the draft, and say what is in it and for whom it is, with the question what is to become of it."""
        tx, person = request.tx, request.person
        # A question about a post that waits for its time is open until then.
        ttl = max(self._limits.draft_ms, (draft.due_at or 0) - tx.now)
        prompt_id = prompts.open(tx, person.id, DRAFT, draft.id, (PUBLISH, CHOOSE, CANCEL), ttl)
        newest = draft.pictures[-1] if draft.pictures else None
        ask = newest is not None and not newest.picture.alt and not newest.question
        if newest is not None and ask:
            draft = replace(draft, pictures=(*draft.pictures[:-1], replace(newest, question=prompt_id)))
        drafts.save(tx, draft)
        blocks: list[Block] = []
        if wider is not None:
            blocks.append(Text("draft-wider", {"audience": wider}))
        elif draft.is_empty:
            blocks.append(Text("draft-opened"))
        else:
            blocks.append(self._summary(draft))
        blocks += self._details(draft)
        blocks.append(self.for_whom(tx, person, draft))
        if wider is not None:
            blocks += self._publisher.lookalikes(tx, person, draft)
        if ask:
            blocks.append(Text("draft-alt", {"number": len(draft.pictures)}))
        action = "draft-choice-publish"
        if draft.due_at is not None:
            action = "draft-choice-now" if draft.state is State.SCHEDULED else "draft-choice-schedule"
        choices = (Text(action), Text("draft-choice-audience"), Text("draft-choice-cancel"))
        blocks.append(Lines(tuple(Text("privacy-row", {"number": i, "line": c}) for i, c in enumerate(choices, 1))))
        return Reply((Message(tuple(blocks), CopyRef(prompts.COPY_KIND, prompt_id)),))

    def scheduled(self, request: Request, draft: Draft) -> Reply:
        """What its author is told of a post that now waits for its time."""
        assert draft.due_at is not None
        blocks: tuple[Block, ...] = (
            Text("draft-scheduled", {"time": Time(draft.due_at)}),
            self.for_whom(request.tx, request.person, draft),
            Text("draft-scheduled-howto"),
        )
        return Reply((Message(blocks),))

    def for_whom(self, tx: Tx, person: Person, draft: Draft) -> Text:
        try:
            return self._publisher.for_whom(tx, person.id, self._publisher.reach(tx, person, draft.to))
        except UserError as error:
            return Text(error.message_id, error.args_)

    def line(self, draft: Draft) -> Text:
        """The draft in a list of all."""
        text = one_line(draft.text)
        about = text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"
        what = Text("drafts-about", {"text": about}) if about else self._summary(draft)
        if draft.due_at is None:
            return Text("drafts-open" if draft.state is State.OPEN else "drafts-kept", {"what": what})
        return Text("drafts-scheduled", {"what": what, "time": Time(draft.due_at)})

    @staticmethod
    def _summary(draft: Draft) -> Text:
        return Text(
            "draft-summary",
            {"texts": len(draft.texts), "characters": len(draft.text), "pictures": len(draft.pictures)},
        )

    @staticmethod
    def _details(draft: Draft) -> list[Block]:
        """What is set besides texts and pictures."""
        blocks: list[Block] = []
        if draft.warning is not None:
            blocks.append(Text("draft-warning", {"warning": draft.warning}))
        if draft.poll:
            answers = [Text("page-text", {"text": answer}) for answer in draft.poll]
            blocks.append(Text("draft-poll", {"answers": enumeration(answers)}))
        if draft.place is not None:
            place = draft.place.shown
            blocks.append(Text("draft-place-exact" if place.exact else "draft-place", place.texts))
        if draft.due_at is not None:
            blocks.append(Text("draft-due", {"time": Time(draft.due_at)}))
        if draft.expires is not None:
            blocks.append(Text("draft-expires", {"when": draft.expires}))
        if draft.responses is not None:
            named = draft.responses.startswith("#")
            who = (
                Text("audience-word-tag", {"tag": draft.responses[1:]})
                if named
                else Text(f"responders-{draft.responses}")
            )
            blocks.append(Text("draft-responses", {"who": who}))
        return blocks
