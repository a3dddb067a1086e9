"""Drafts in the chat: what joins one, what becomes of it, and what its author is told."""

from collections.abc import Callable
from dataclasses import replace

from bridge.chat import grammar, prompts, sources
from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.inbound import EditedMessage, Redaction
from bridge.chat.picture import StoredPicture
from bridge.chat.registry import Found
from bridge.chat.reply import NOTHING, Block, CopyRef, Lines, Message, Reply, Text, Time
from bridge.chat.router import handled
from bridge.contacts import tags
from bridge.contacts.model import cleaned, one_line
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import EventId
from bridge.moments import defaults, drafts
from bridge.moments.audience import AudienceError, Said, parse_audience
from bridge.moments.compose import Composed, checked_warning, checked_when, parse_post
from bridge.moments.drafts import Draft, Piece, Shot, State
from bridge.moments.picture_store import Described
from bridge.moments.publishing import DRAFT, Publisher
from bridge.privacy import Audience

GROUP = "moments"
AUDIENCE, LIST = "draft-audience", "drafts"
"""Kinds of the questions: for whom a draft is, and which draft is meant."""
PUBLISH, CHOOSE, CANCEL = "publish", "audience", "cancel"
_KINDS = {"friends": Audience.FRIENDS, "public": Audience.PUBLIC, "private": Audience.PRIVATE}
_SHOWN_TAGS, _SNIPPET = 6, 60
_OFF = frozenset(("off", "none", "关", "无"))
OWN_COMMANDS = frozenset(("post", "draft", "draft to", "draft at", "draft cw", "drafts", "alt"))
"""Commands that mean the open draft, though free text follows their name."""


Find = Callable[[str], Found | None]
"""The command that a text begins with."""


class Drafting:
    """Implements `bridge.chat.hooks.Gather`, and the commands about drafts."""

    def __init__(self, publisher: Publisher, find: Find) -> None:
        self._publisher = publisher
        self._find = find
        self._limits = publisher.limits

    # --- what joins a draft ---------------------------------------------------------------------------------
    commands = OWN_COMMANDS

    def is_open(self, tx: Tx, person: Person) -> bool:
        return drafts.is_open(tx, person.id, tx.now - self._limits.gather_ms)

    def check_picture(self, tx: Tx, person: Person) -> None:
        draft = self._open(tx, person)
        if draft is not None and len(draft.pictures) >= self._limits.pictures:
            raise UserError("moment-pictures", limit=self._limits.pictures)

    def text(self, request: Request, text: str, reply_to: EventId | None, question: int | None) -> Reply:
        draft = self._needed(request)
        text = cleaned(text)
        if not text:
            return NOTHING
        for index, shot in enumerate(draft.pictures):
            if (reply_to is not None and shot.event_id == reply_to) or (question and shot.question == question):
                return self._describe(request, draft, index, text)
        if len(draft.texts) >= self._limits.draft_texts:
            raise UserError("draft-texts", limit=self._limits.draft_texts)
        draft = replace(draft, texts=(*draft.texts, Piece(event_of(request), text)))
        self._publisher.check_size(draft)
        return self._joined(request, draft)

    def picture(self, request: Request, caption: str) -> Reply:
        draft = self._needed(request)
        self.check_picture(request.tx, request.person)
        assert isinstance(request.prepared, StoredPicture)
        alt = self._alt(caption)
        shot = Shot(event_of(request), Described(request.prepared, alt))
        return self._joined(request, replace(draft, pictures=(*draft.pictures, shot)))

    def _joined(self, request: Request, draft: Draft) -> Reply:
        sources.record_request(request, DRAFT, draft.id)
        return self.show(request, draft)

    # --- one's own messages ---------------------------------------------------------------------------------
    def edited(self, request: Request, ref_id: int, text: str) -> Reply:
        draft = self._mine(request, ref_id)
        assert isinstance(request.event, EditedMessage)
        target = request.event.target
        before = handled(request.tx, request.account, target)
        to, warning = draft.to, draft.warning
        if before is not None and before.command in ("post", "post to"):
            composed = post_in(request, self._find, text)
            to = composed.to or defaults.load(request.tx, request.person.id)
            if to != draft.to:
                raise UserError("edit-audience")
            text, warning = composed.text, composed.warning
        text = cleaned(text)
        if any(shot.event_id == target for shot in draft.pictures) and before is not None and before.command is None:
            index = next(i for i, shot in enumerate(draft.pictures) if shot.event_id == target)
            return self._describe(request, draft, index, text)
        if not text:
            raise UserError("moment-empty")
        texts = tuple(replace(piece, text=text) if piece.event_id == target else piece for piece in draft.texts)
        if all(piece.event_id != target for piece in draft.texts):
            texts = (Piece(target, text), *texts)  # a caption that was empty before
        draft = replace(draft, texts=texts, warning=warning)
        self._publisher.check_size(draft)
        return self.show(request, draft)

    def redacted(self, request: Request, ref_id: int) -> Reply:
        draft = drafts.get(request.tx, request.person.id, ref_id)
        if draft is None or draft.state is State.PUBLISHED:
            return NOTHING
        assert isinstance(request.event, Redaction)
        target = request.event.target
        draft = replace(
            draft,
            texts=tuple(piece for piece in draft.texts if piece.event_id != target),
            pictures=tuple(shot for shot in draft.pictures if shot.event_id != target),
        )
        if draft.is_empty and draft.state is not State.OPEN:
            self._publisher.forget(request.tx, draft)
            return Reply.text("draft-cancelled")
        return self.show(request, draft)

    # --- commands -------------------------------------------------------------------------------------------
    def open(self, request: Request) -> Reply:
        """`post` alone: the open draft, or a new one."""
        tx, person = request.tx, request.person
        draft = self._open(tx, person)
        if draft is not None:
            return self.show(request, draft)
        if request.room.dm_with != person.user_id:
            raise UserError("moment-empty")  # what is said in a room does not join a draft
        self.check_room(tx, person)
        drafts.close(tx, person.id)
        draft = drafts.add(tx, Draft(0, person.id, State.OPEN, defaults.load(tx, person.id), request.account))
        return self.show(request, draft)

    def check_room(self, tx: Tx, person: Person) -> None:
        """Raises UserError when one more draft is too many."""
        if drafts.count(tx, person.id) >= self._limits.drafts:
            raise UserError("draft-limit", limit=self._limits.drafts)

    def current(self, request: Request) -> Reply:
        return self.show(request, self._latest(request))

    def set_audience(self, request: Request) -> Reply:
        try:
            said = parse_audience(request.args["audience"])
        except AudienceError as error:
            raise UserError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None
        draft = replace(self._latest(request), to=said)
        self._publisher.reach(request.tx, request.person, said)
        return self.show(request, draft)

    def set_time(self, request: Request) -> Reply:
        draft = self._latest(request)
        when: str = request.args["when"]
        if when.casefold().strip() in _OFF:
            self._publisher.unschedule(request.tx, draft)
            state = State.KEPT if draft.state is State.SCHEDULED else draft.state
            return self.show(request, replace(draft, due_at=None, state=state))
        due_at = checked_when(when, request.tx.now, request.person.time_zone)
        draft = replace(draft, due_at=due_at)
        if draft.state is State.SCHEDULED:
            self._publisher.schedule(request.tx, request.person, draft)
        return self.show(request, draft)

    def set_warning(self, request: Request) -> Reply:
        draft = self._latest(request)
        words: str = request.args["warning"]
        if words.casefold().strip() in _OFF:
            return self.show(request, replace(draft, warning=None))
        return self.show(request, replace(draft, warning=checked_warning(words)))

    def set_alt(self, request: Request) -> Reply:
        draft = self._latest(request)
        number: int = request.args["number"]
        if number > len(draft.pictures):
            raise UserError("draft-no-picture", number=number)
        return self._describe(request, draft, number - 1, request.args["text"])

    def list(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        waiting = drafts.waiting(tx, person.id)
        if not waiting:
            return Reply.text("drafts-none")
        lines = [
            Text("privacy-row", {"number": number, "line": self._line(draft)})
            for number, draft in enumerate(waiting, 1)
        ]
        options = [str(draft.id) for draft in waiting]
        prompt_id = prompts.open(tx, person.id, LIST, None, options, self._limits.draft_ms)
        blocks: tuple[Block, ...] = (Text("drafts-head"), Lines(tuple(lines)), Text("drafts-howto"))
        return Reply((Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)),))

    # --- choices --------------------------------------------------------------------------------------------
    def choose_draft(self, request: Request, ref_id: int, option: str) -> Reply:
        draft = self._mine(request, int(option))
        if draft.state is State.KEPT:
            drafts.close(request.tx, request.person.id)
            draft = replace(draft, state=State.OPEN)
        return self.show(request, draft)

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        draft = self._mine(request, ref_id)
        if option == CANCEL:
            self._publisher.forget(request.tx, draft)
            return Reply.text("draft-cancelled")
        if option == CHOOSE:
            return self._ask_audience(request, draft)
        tx, person = request.tx, request.person
        if draft.is_empty:
            raise UserError("draft-empty")
        # What was to wait for its time and is chosen again is for now.
        if draft.due_at is not None and draft.state is not State.SCHEDULED:
            draft = self._publisher.schedule(tx, person, drafts.save(tx, replace(draft, state=State.SCHEDULED)))
            return self.scheduled(request, draft)
        moment = self._publisher.publish(tx, person, draft)
        self._publisher.forget(tx, draft)
        return Reply((Message((self._publisher.posted(tx, person, moment),)),))

    def choose_audience(self, request: Request, ref_id: int, option: str) -> Reply:
        draft = self._mine(request, ref_id)
        if option in _KINDS:
            return self.show(request, replace(draft, to=Said(_KINDS[option])))
        tag = tags.by_ids(request.tx, [int(option)]).get(int(option))
        if tag is None:
            raise UserError("prompt-none")
        return self.show(request, replace(draft, to=Said(Audience.PEOPLE, tags=(tag.name,))))

    def _ask_audience(self, request: Request, draft: Draft) -> Reply:
        tx, person = request.tx, request.person
        lines = [Text(f"audience-word-{kind}") for kind in _KINDS]
        options = [*_KINDS]
        for tag in tags.every(tx, person.id)[:_SHOWN_TAGS]:
            lines.append(Text("audience-word-tag", {"tag": tag.name}))
            options.append(str(tag.id))
        rows = tuple(Text("privacy-row", {"number": i, "line": line}) for i, line in enumerate(lines, 1))
        prompt_id = prompts.open(tx, person.id, AUDIENCE, draft.id, options, self._limits.draft_ms)
        blocks: tuple[Block, ...] = (Text("draft-audience-which"), Lines(rows), Text("draft-audience-howto"))
        return Reply((Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)),))

    # --- showing --------------------------------------------------------------------------------------------
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
        if draft.warning is not None:
            blocks.append(Text("draft-warning", {"warning": draft.warning}))
        if draft.due_at is not None:
            blocks.append(Text("draft-due", {"time": Time(draft.due_at)}))
        blocks.append(self._for_whom(tx, person, draft))
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
            self._for_whom(request.tx, request.person, draft),
            Text("draft-scheduled-howto"),
        )
        return Reply((Message(blocks),))

    def due(self, tx: Tx, reader: Person, ref_id: int) -> Message | None:
        """The time of a scheduled post has come: publish it, and say what became of it. A renderer: it may be asked
        again for the same draft, and publishes once."""
        draft = drafts.get(tx, reader.id, ref_id)
        if draft is None or draft.state not in (State.SCHEDULED, State.PUBLISHED):
            return None
        if draft.state is State.SCHEDULED:
            try:
                moment = self._publisher.publish(tx, reader, draft)
            except UserError as error:
                drafts.save(tx, replace(draft, state=State.KEPT, due_at=None))
                return Message((Text("draft-due-failed"), Text(error.message_id, error.args_), Text("draft-due-kept")))
            sources.forget(tx, DRAFT, draft.id)
            draft = drafts.save(tx, replace(draft, state=State.PUBLISHED, moment_id=moment.id))
        found = self._publisher.published(tx, reader, draft)
        return None if found is None else Message((Text("draft-due-posted"), found))

    def _for_whom(self, tx: Tx, person: Person, draft: Draft) -> Text:
        try:
            return self._publisher.for_whom(tx, person.id, self._publisher.reach(tx, person, draft.to))
        except UserError as error:
            return Text(error.message_id, error.args_)

    @staticmethod
    def _summary(draft: Draft) -> Text:
        return Text(
            "draft-summary",
            {"texts": len(draft.texts), "characters": len(draft.text), "pictures": len(draft.pictures)},
        )

    def _line(self, draft: Draft) -> Text:
        text = one_line(draft.text)
        about = text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"
        what = Text("drafts-about", {"text": about}) if about else self._summary(draft)
        if draft.due_at is None:
            return Text("drafts-open" if draft.state is State.OPEN else "drafts-kept", {"what": what})
        return Text("drafts-scheduled", {"what": what, "time": Time(draft.due_at)})

    # --- inside ---------------------------------------------------------------------------------------------
    def _open(self, tx: Tx, person: Person) -> Draft | None:
        return drafts.opened(tx, person.id, tx.now - self._limits.gather_ms)

    def _needed(self, request: Request) -> Draft:
        draft = self._open(request.tx, request.person)
        if draft is None:
            raise UserError("draft-none")
        return draft

    def _latest(self, request: Request) -> Draft:
        """The open draft, else the one that was made last."""
        draft = self._open(request.tx, request.person)
        if draft is None:
            waiting = drafts.waiting(request.tx, request.person.id)
            if not waiting:
                raise UserError("draft-none")
            draft = waiting[-1]
        return draft

    def _mine(self, request: Request, ref_id: int) -> Draft:
        draft = drafts.get(request.tx, request.person.id, ref_id)
        if draft is None or draft.state is State.PUBLISHED:
            raise UserError("draft-none")
        return draft

    def _describe(self, request: Request, draft: Draft, index: int, text: str) -> Reply:
        shot = draft.pictures[index]
        described = replace(shot, picture=replace(shot.picture, alt=self._alt(text)))
        shots = (*draft.pictures[:index], described, *draft.pictures[index + 1 :])
        return self.show(request, replace(draft, pictures=shots))

    def _alt(self, text: str) -> str:
        alt = one_line(text)
        if len(alt) > self._limits.alt:
            raise UserError("alt-too-long", limit=self._limits.alt)
        return alt


def event_of(request: Request) -> EventId:
    """The event that a request is about: of an edit the one that it edits, which clients redact."""
    event = request.event
    return event.target if isinstance(event, EditedMessage) else event.origin.event_id


def post_in(request: Request, find: Find, text: str) -> Composed:
    """The post that the text of a whole message says.

    Raises:
        UserError: it says none, or none that is understood.
    """
    found = find(text)
    if found is None or found.command.name not in ("post", "post to"):
        raise UserError("edit-not-understood")
    args = grammar.parse(found.command, found.rest)
    return (
        composed_in(request, "post", args.get("text", ""))
        if found.command.name == "post"
        else composed_in(request, "post to", args["audience | text"])
    )


def composed_in(request: Request, command: str, text: str) -> Composed:
    """What follows the name of one of the two commands that post."""
    if command == "post to":
        text = f"to {text}"
    return parse_post(text, request.tx.now, request.person.time_zone)


def build(do: Drafting) -> list[Command]:
    audience, when = Param("audience", (Kind.REST,)), Param("when", (Kind.REST,))
    return [
        Command("drafts", (), do.list, effect=False, group=GROUP),
        Command("draft", (), do.current, effect=False, group=GROUP),
        Command("draft to", (audience,), do.set_audience, group=GROUP),
        Command("draft at", (when,), do.set_time, group=GROUP),
        Command("draft cw", (Param("warning", (Kind.REST,)),), do.set_warning, group=GROUP),
        Command("alt", (Param("number", (Kind.NUMBER,)), Param("text", (Kind.REST,))), do.set_alt, group=GROUP),
    ]
