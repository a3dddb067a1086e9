"""Drafts in the chat: what joins one, and what becomes of it."""

from dataclasses import replace

from bridge.chat import prompts, sources
from bridge.chat.command import Person, Request
from bridge.chat.inbound import EditedMessage, Redaction
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import NOTHING, Block, CopyRef, Lines, Message, Reply, Text
from bridge.chat.router import handled
from bridge.contacts import lookalikes, tags
from bridge.contacts.model import cleaned, one_line
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import EventId
from bridge.moments import defaults, drafts
from bridge.moments.audience import Said
from bridge.moments.draft_view import CANCEL, CHOOSE, DraftView
from bridge.moments.drafts import AUDIENCE, DRAFT, Draft, Piece, Shot, State
from bridge.moments.origin import changed
from bridge.moments.picture_store import Described
from bridge.moments.place import parse_geo
from bridge.moments.publishing import Publisher
from bridge.moments.said import Find, edited_post, event_of
from bridge.privacy import Audience

OWN_COMMANDS = frozenset(
    (
        "post",
        "draft",
        "draft to",
        "draft at",
        "draft cw",
        "draft poll",
        "draft expire",
        "draft responses",
        "draft place",
        "drafts",
        "alt",
    )
)
"""Commands that mean the open draft, though free text follows their name."""
_KINDS = {"friends": Audience.FRIENDS, "public": Audience.PUBLIC, "private": Audience.PRIVATE}
_SHOWN_TAGS = 6


class Drafting:
    """Implements `bridge.chat.hooks.Gather`, and what becomes of drafts."""

    def __init__(self, publisher: Publisher, find: Find) -> None:
        self._publisher = publisher
        self._find = find
        self._limits = publisher.limits
        self.view = DraftView(publisher)

    # --- what joins a draft ---------------------------------------------------------------------------------
    commands = OWN_COMMANDS

    def is_open(self, tx: Tx, person: Person) -> bool:
        return drafts.is_open(tx, person.id, tx.now - self._limits.gather_ms)

    def check_picture(self, tx: Tx, person: Person) -> None:
        draft = self.opened(tx, person)
        if draft is not None and len(draft.pictures) >= self._limits.pictures:
            raise UserError("moment-pictures", limit=self._limits.pictures)

    def text(self, request: Request, text: str, reply_to: EventId | None, question: int | None) -> Reply:
        draft = self._needed(request)
        text = cleaned(text)
        if not text:
            return NOTHING
        for index, shot in enumerate(draft.pictures):
            if (reply_to is not None and shot.event_id == reply_to) or (question and shot.question == question):
                return self.describe(request, draft, index, text)
        if len(draft.texts) >= self._limits.draft_texts:
            raise UserError("draft-texts", limit=self._limits.draft_texts)
        draft = replace(draft, texts=(*draft.texts, Piece(event_of(request), text)))
        self._publisher.check_size(draft)
        return self._joined(request, draft)

    def picture(self, request: Request, caption: str) -> Reply:
        draft = self._needed(request)
        self.check_picture(request.tx, request.person)
        assert isinstance(request.prepared, StoredPicture)
        alt = self.checked_alt(caption)
        shot = Shot(event_of(request), Described(request.prepared, alt))
        return self._joined(request, replace(draft, pictures=(*draft.pictures, shot)))

    def place(self, request: Request, geo_uri: str) -> Reply:
        draft = self._needed(request)
        place = parse_geo(geo_uri)
        if place is None:
            raise UserError("place-unknown")
        return self._joined(request, replace(draft, place=place, place_event=event_of(request)))

    def _joined(self, request: Request, draft: Draft) -> Reply:
        sources.record_request(request, DRAFT, draft.id)
        return self.view.show(request, draft)

    # --- one's own messages ---------------------------------------------------------------------------------
    def edited(self, request: Request, ref_id: int, text: str) -> Reply:
        draft = self._mine(request, ref_id)
        assert isinstance(request.event, EditedMessage)
        target = request.event.target
        before = handled(request.tx, request.account, target)
        if before is not None and before.command in ("post", "post to"):
            return self._reposted(request, draft, target, text)
        text = cleaned(text)
        if any(shot.event_id == target for shot in draft.pictures) and before is not None and before.command is None:
            index = next(i for i, shot in enumerate(draft.pictures) if shot.event_id == target)
            return self.describe(request, draft, index, text)
        if not text:
            raise UserError("moment-empty")
        return self.view.show(request, self._with_text(draft, target, text))

    def _reposted(self, request: Request, draft: Draft, target: EventId, text: str) -> Reply:
        """The message that posts says something else: what it says now of text, warning and the like holds, and what it
        says as before stays as it was set meanwhile."""
        composed = edited_post(request, self._find, text, picture=bool(draft.pictures))
        other = changed(draft.heads, composed.heads)
        if "to" in other and (composed.to or defaults.load(request.tx, request.person.id)) != draft.to:
            raise UserError("edit-audience-draft")
        if "geo" in other:
            draft = replace(draft, place=composed.place, place_event=None if composed.place is None else target)
        draft = self._with_text(draft, target, composed.text)
        if "alt" in other and draft.pictures:
            draft = self._described(draft, 0, composed.alt)
        draft = replace(
            draft,
            warning=composed.warning if "cw" in other else draft.warning,
            poll=composed.poll if "poll" in other else draft.poll,
            expires=composed.expires if "expire" in other else draft.expires,
            responses=composed.responses if "responses" in other else draft.responses,
            heads=composed.heads,
        )
        return self.view.show(request, self.timed(request, draft, composed.at) if "at" in other else draft)

    def _with_text(self, draft: Draft, target: EventId, text: str) -> Draft:
        """The message `target` brings another text."""
        texts = tuple(replace(piece, text=text) if piece.event_id == target else piece for piece in draft.texts)
        if all(piece.event_id != target for piece in draft.texts):
            texts = (Piece(target, text), *texts)  # a caption that was empty before
        draft = replace(draft, texts=tuple(piece for piece in texts if piece.text))
        if draft.is_empty:
            raise UserError("moment-empty")
        self._publisher.check_size(draft)
        return draft

    def timed(self, request: Request, draft: Draft, due_at: int | None) -> Draft:
        """The draft with another time, ms; None: it waits for none.

        Raises:
            UserError: it waits for its time already, and could not be published then.
        """
        if due_at is None:
            self._publisher.unschedule(request.tx, draft)
            state = State.KEPT if draft.state is State.SCHEDULED else draft.state
            return replace(draft, due_at=None, state=state)
        draft = replace(draft, due_at=due_at)
        if draft.state is State.SCHEDULED:
            self._publisher.schedule(request.tx, request.person, draft)
        return draft

    def redacted(self, request: Request, ref_id: int) -> Reply:
        draft = drafts.get(request.tx, request.person.id, ref_id)
        if draft is None or draft.state is State.PUBLISHED:
            return NOTHING
        assert isinstance(request.event, Redaction)
        target = request.event.target
        if draft.place_event == target:
            draft = replace(draft, place=None, place_event=None)
        draft = replace(
            draft,
            texts=tuple(piece for piece in draft.texts if piece.event_id != target),
            pictures=tuple(shot for shot in draft.pictures if shot.event_id != target),
        )
        if draft.is_empty and draft.state is not State.OPEN:
            self._publisher.forget(request.tx, draft)
            return Reply.text("draft-cancelled")
        return self.view.show(request, draft)

    # --- opening and finding --------------------------------------------------------------------------------
    def open(self, request: Request) -> Reply:
        """`post` alone: the open draft, or a new one."""
        tx, person = request.tx, request.person
        draft = self.opened(tx, person)
        if draft is not None:
            return self.view.show(request, draft)
        if request.room.dm_with != person.user_id:
            raise UserError("moment-empty")  # what is said in a room does not join a draft
        self.check_room(tx, person)
        drafts.close(tx, person.id)
        draft = drafts.add(tx, Draft(0, person.id, State.OPEN, defaults.load(tx, person.id), request.account))
        return self.view.show(request, draft)

    def check_room(self, tx: Tx, person: Person) -> None:
        """Raises UserError when one more draft is too many."""
        if drafts.count(tx, person.id) >= self._limits.drafts:
            raise UserError("draft-limit", limit=self._limits.drafts)

    def opened(self, tx: Tx, person: Person) -> Draft | None:
        return drafts.opened(tx, person.id, tx.now - self._limits.gather_ms)

    def latest(self, request: Request) -> Draft:
        """The open draft, else the one that was made last."""
        draft = self.opened(request.tx, request.person)
        if draft is None:
            waiting = drafts.waiting(request.tx, request.person.id)
            if not waiting:
                raise UserError("draft-none")
            draft = waiting[-1]
        return draft

    # --- choices --------------------------------------------------------------------------------------------
    def choose_draft(self, request: Request, ref_id: int, option: str) -> Reply:
        draft = self._mine(request, int(option))
        if draft.state is State.KEPT:
            drafts.close(request.tx, request.person.id)
            draft = replace(draft, state=State.OPEN)
        return self.view.show(request, draft)

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
            return self.view.scheduled(request, draft)
        moment = self._publisher.publish(tx, person, draft)
        self._publisher.forget(tx, draft)
        return Reply((Message((self._publisher.posted(tx, person, moment),)),))

    def choose_audience(self, request: Request, ref_id: int, option: str) -> Reply:
        draft = self._mine(request, ref_id)
        if option in _KINDS:
            return self.view.show(request, replace(draft, to=Said(_KINDS[option])))
        tag = tags.by_ids(request.tx, [int(option)]).get(int(option))
        if tag is None:
            raise UserError("prompt-none")
        return self.view.show(request, replace(draft, to=Said(Audience.PEOPLE, tags=(tag.name,))))

    def _ask_audience(self, request: Request, draft: Draft) -> Reply:
        tx, person = request.tx, request.person
        lines = [Text(f"audience-word-{kind}") for kind in _KINDS]
        options = [*_KINDS]
        shown = tags.every(tx, person.id)[:_SHOWN_TAGS]
        for tag in shown:
            lines.append(Text("audience-word-tag", {"tag": tag.name}))
            options.append(str(tag.id))
        rows = tuple(Text("privacy-row", {"number": i, "line": line}) for i, line in enumerate(lines, 1))
        prompt_id = prompts.open(tx, person.id, AUDIENCE, draft.id, options, self._limits.draft_ms)
        alike = lookalikes.of_tags(tx, person.id, [tag.id for tag in shown])
        blocks: list[Block] = [Text("draft-audience-which"), Lines(rows), *alike, Text("draft-audience-howto")]
        return Reply((Message(tuple(blocks), CopyRef(prompts.COPY_KIND, prompt_id)),))

    # --- when its time comes --------------------------------------------------------------------------------
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

    # --- inside ---------------------------------------------------------------------------------------------
    def _needed(self, request: Request) -> Draft:
        draft = self.opened(request.tx, request.person)
        if draft is None:
            raise UserError("draft-none")
        return draft

    def _mine(self, request: Request, ref_id: int) -> Draft:
        draft = drafts.get(request.tx, request.person.id, ref_id)
        if draft is None or draft.state is State.PUBLISHED:
            raise UserError("draft-none")
        return draft

    def describe(self, request: Request, draft: Draft, index: int, text: str) -> Reply:
        """Say what a picture of a draft shows."""
        return self.view.show(request, self._described(draft, index, text))

    def _described(self, draft: Draft, index: int, text: str) -> Draft:
        shot = draft.pictures[index]
        described = replace(shot, picture=replace(shot.picture, alt=self.checked_alt(text)))
        return replace(draft, pictures=(*draft.pictures[:index], described, *draft.pictures[index + 1 :]))

    def checked_alt(self, text: str) -> str:
        """What a picture shows, as it is kept.

        Raises:
            UserError: it is too long.
        """
        alt = one_line(text)
        if len(alt) > self._limits.alt:
            raise UserError("alt-too-long", limit=self._limits.alt)
        return alt
