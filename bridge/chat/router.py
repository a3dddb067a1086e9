"""Inside the transaction: which command or hook an event is for, and what comes of it."""

from dataclasses import dataclass, replace
from typing import Any

from bridge.chat import prompts, sources
from bridge.chat.command import Kind, Person, Request
from bridge.chat.hooks import Delivery, Hooks, SentCopy
from bridge.chat.inbound import (
    EditedMessage,
    FileMessage,
    Inbound,
    LocationMessage,
    OtherMessage,
    PictureMessage,
    Reaction,
    Readable,
    Redaction,
    Relation,
    RoomView,
    TextMessage,
    Unreadable,
)
from bridge.chat.people import People
from bridge.chat.reading import Said
from bridge.chat.reply import NOTHING, CopyRef, Message, Question, Reply, Text
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import AccountId, EventId

COMMAND_SOURCE = "command"
"""Kind of the sources that remember who gave a command outside a DM."""


# Their containers hold where and when, and can't be stripped yet: never passed on as they are.
_NOT_YET = {"m.video": "cant-use-video", "m.audio": "cant-use-voice"}
UNREADABLE, WITHHELD = "unreadable", "withheld"
"""Kinds of the notice that a message can't be read, without a reason and with one; its ref is the person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an event."""

    reply: Reply = NOTHING
    command: str | None = None
    effect: bool = False


def _is_plain(said: Said) -> bool:
    """Whether it is no command; what is a mere greeting is none where people say things."""
    return said.command is None or (said.command.anywhere and not said.command.params)


@dataclass(frozen=True, slots=True)
class Handled:
    """What the table `handled` says of an event."""

    command: str | None
    effect: bool


def handled(tx: Tx, account: AccountId, event_id: EventId) -> Handled | None:
    """None: the event was never handled."""
    row = tx.sql("SELECT command, effect FROM handled WHERE account_id = ? AND event_id = ?", (account, event_id))
    found = row.first()
    return None if found is None else Handled(found[0], bool(found[1]))


class Router:
    """Routes one event. Raises UserError where the answer is a refusal."""

    def __init__(self, hooks: Hooks, delivery: Delivery, people: People) -> None:
        self._hooks = hooks
        self._delivery = delivery
        self._people = people

    def route(
        self, tx: Tx, person: Person, event: Inbound, room: RoomView, said: Said | None, prepared: Any
    ) -> Outcome:
        if isinstance(
            event,
            TextMessage | PictureMessage | FileMessage | LocationMessage | EditedMessage | Reaction | OtherMessage,
        ):
            if self.is_unproven(tx, person, event):
                raise UserError("unsigned-refused")
            if person.paused:
                return self._while_paused(self._request(tx, person, event, room), said)
        match event:
            case TextMessage(pressed=str(token)):
                return self._pressed(self._request(tx, person, event, room), token)
            case TextMessage():
                assert said is not None
                return self._text(self._request(tx, person, event, room, prepared), said, event.relation)
            case PictureMessage():
                assert said is not None
                return self._picture(self._request(tx, person, event, room, prepared), said, event)
            case FileMessage():
                assert said is not None
                return self._file(self._request(tx, person, event, room), said)
            case LocationMessage():
                return self._location(self._request(tx, person, event, room), event)
            case EditedMessage():
                assert said is not None
                return self._edit(self._request(tx, person, event, room), said, event)
            case Reaction():
                return self._reaction(self._request(tx, person, event, room), event)
            case Redaction():
                return self._redaction(self._request(tx, person, event, room), event)
            case OtherMessage():
                raise UserError(_NOT_YET.get(event.what, "cant-use"))
            case Unreadable():
                return self._unreadable(tx, person, event)
            case Readable():
                for kind in (UNREADABLE, WITHHELD):
                    self._delivery.withdraw(tx, kind, person.id)
                return Outcome()
            case _:
                return Outcome()

    def identity_changed(self, tx: Tx, person: Person) -> Message:
        """Do what is to be done when a person's identity was reset; what they are told."""
        tell = self._hooks.on_identity_changed
        return tell(tx, person) if tell is not None else Message((Text("identity-changed"),))

    def is_unproven(self, tx: Tx, person: Person, event: Inbound) -> bool:
        """Whether it came from a session that its owner has not verified, and the person takes no such for theirs."""
        guarded = self._hooks.is_guarded
        return bool(event.origin.unsigned_ms) and guarded is not None and guarded(tx, person)

    def _while_paused(self, request: Request, said: Said | None) -> Outcome:
        """Nothing but what helps them to prove who they are. What they say is no comment on anything."""
        if said is not None and said.error is None and said.command is not None and said.command.when_paused:
            return self._command(request, said)
        if isinstance(request.event, Reaction):
            return Outcome()
        raise UserError("paused")

    def _unreadable(self, tx: Tx, person: Person, event: Unreadable) -> Outcome:
        """Say once what is wrong, and why if that is known; it is redacted when everything could be read."""
        kind, text = (WITHHELD, "unreadable-withheld") if event.withheld else (UNREADABLE, "unreadable-missing")
        if handled(tx, event.origin.account, event.origin.event_id) is not None:
            return Outcome()  # it became readable just now
        known = (kind,) if event.withheld else (UNREADABLE, WITHHELD)
        if any(self._delivery.is_out(tx, person.id, one, person.id) for one in known):
            return Outcome()
        return Outcome(Reply((Message((Text(text),), CopyRef(kind, person.id)),)))

    def may_run(self, tx: Tx, person: Person | None, room: RoomView, said: Said) -> bool:
        """Whether the requirements of the command that was read are met."""
        if said.command is None or said.error is not None:
            return False
        if said.command.anywhere or (person is not None and room.dm_with == person.user_id):
            return True
        return person is not None and self._people.dm(tx, person.id) is not None

    @staticmethod
    def _request(tx: Tx, person: Person, event: Any, room: RoomView, prepared: Any = None) -> Request:
        return Request(tx, person, room, event.origin.account, event, prepared=prepared)

    def _pressed(self, request: Request, token: str) -> Outcome:
        """A choice, whatever else stands in the message. What nobody can choose, and what somebody else can, is one."""
        talk = self._hooks.talk
        reply = None if talk is None else talk.pressed(request, token)
        if reply is None:
            raise UserError("choice-gone")
        return Outcome(reply, effect=True)

    def _text(self, request: Request, said: Said, relation: Relation) -> Outcome:
        if request.room.dm_with == request.person.user_id and not said.explicit:
            number = prompts.number_of_text(said.text)
            for target in (relation.reply_to, relation.thread):
                copy = self._own_copy(request, target)
                if copy is None:
                    continue
                if copy.ref.kind == prompts.COPY_KIND and number is not None and copy.ref.ref_id is not None:
                    prompt = prompts.by_id(request.tx, copy.ref.ref_id)
                    self._refuse_doubtful_answer(request, prompt, relation)
                    return self._choose(request, prompt, number)
                hook = self._hooks.on_reply.get(copy.ref.kind)
                if hook is not None:
                    self._refuse_too_long(said)
                    if relation.outside:
                        self._refuse_doubtful_command(said)
                    return Outcome(hook(request, copy.ref, said.text), effect=True)
            talked = self._talked(request, said, number)
            if talked is not None:
                return talked
            if number is not None:
                return self._choose(request, self._meant(request), number)
            joined = self._gathered(request, said, relation)
            if joined is not None:
                return joined
            if self._hooks.talk is not None and _is_plain(said) and self._is_talking(request):
                self._refuse_too_long(said)
                return Outcome(self._hooks.talk.text(request, said.text), effect=True)
        elif self._hooks.talk is not None and said.command is None and said.explicit and self._is_talking(request):
            # In a room with others: what speaks to the bot, and is no command, is for what is open there.
            self._refuse_too_long(said)
            where = (request.tx, request.person, request.room, request.account)
            named = self._hooks.talk.addressed(*where, said.text)
            return Outcome(self._hooks.talk.text(request, said.text if named is None else named), effect=True)
        return self._command(request, said)

    def _is_talking(self, request: Request) -> bool:
        talk = self._hooks.talk
        return talk is not None and talk.is_open(request.tx, request.person, request.room, request.account)

    def _talked(self, request: Request, said: Said, number: int | None) -> Outcome | None:
        """What comes of a message that is for what is open here, before all else: by its name, or a number for it."""
        talk = self._hooks.talk
        if talk is None or said.command is not None or not self._is_talking(request):
            return None
        where = (request.tx, request.person, request.room, request.account)
        text = said.text if number is not None and talk.takes_number(*where) else talk.addressed(*where, said.text)
        if text is None:
            return None
        self._refuse_too_long(said)
        return Outcome(talk.text(request, text), effect=True)

    def _gathered(self, request: Request, said: Said, relation: Relation) -> Outcome | None:
        """What comes of a plain message while something is open that it may join; None: it is a command."""
        gather, command = self._hooks.gather, said.command
        is_command = command is not None and said.error is None and not _is_plain(said)
        free = command is not None and command.effect and any(Kind.REST in param.kinds for param in command.params)
        if gather is None or (is_command and not free):
            return None
        if not gather.is_open(request.tx, request.person):
            return None
        self._refuse_too_long(said)
        if command is not None and said.error is not None and command.name in gather.commands:
            # Perhaps it was to make what is open narrower: it must not become a part of it.
            if said.error.message_id == "too-many-arguments":
                raise UserError("gather-command", name=command.name)
            raise said.error
        if command is not None and is_command:
            if command.name not in gather.commands:
                raise UserError("gather-command", name=command.name)
            return None
        copy = self._own_copy(request, relation.reply_to)
        question = copy.ref.ref_id if copy is not None and copy.ref.kind == prompts.COPY_KIND else None
        return Outcome(gather.text(request, said.text, relation.reply_to, question), effect=True)

    def gathers_picture(self, tx: Tx, person: Person, room: RoomView, said: Said) -> bool:
        """Whether a picture with this caption joins something that is open.

        Raises:
            UserError: it would, and there is no place left.
        """
        gather = self._hooks.gather
        if gather is None or room.dm_with != person.user_id or not gather.is_open(tx, person):
            return False
        if said.explicit or (said.command is not None and said.command.picture and said.error is None):
            return False
        gather.check_picture(tx, person)
        return True

    def _command(self, request: Request, said: Said) -> Outcome:
        if said.error is not None:
            raise said.error
        command = said.command
        assert command is not None
        if not self.may_run(request.tx, request.person, request.room, said):
            return Outcome(Reply.text("answer-needs-dm", personal=False))
        reply = command.handler(replace(request, args=said.args))
        if not command.anywhere and not command.aloud and not reply.personal:
            reply = replace(reply, personal=True)
        if command.late:
            reply = replace(reply, asked=Question(command.name, said.args))
        return Outcome(reply, command.name, command.effect)

    def _picture(self, request: Request, said: Said, event: PictureMessage) -> Outcome:
        joins = self._hooks.gather is not None and self.gathers_picture(request.tx, request.person, request.room, said)
        if said.command is not None and not joins:
            if said.command.picture:
                return self._command(request, said)
            raise UserError("picture-not-here")
        self._refuse_too_long(said)
        for target in (event.relation.reply_to, event.relation.thread):
            copy = self._own_copy(request, target)
            if copy is not None and copy.ref.kind in self._hooks.on_reply:
                raise UserError("picture-not-here")
        if joins and request.prepared is not None:
            assert self._hooks.gather is not None
            return Outcome(self._hooks.gather.picture(request, said.text), effect=True)
        raise UserError("picture-howto")

    def _file(self, request: Request, said: Said) -> Outcome:
        if said.command is not None and said.command.file:
            return self._command(request, said)
        in_dm = request.room.dm_with == request.person.user_id
        reply = None
        if in_dm and said.command is None and self._hooks.on_file is not None:
            reply = self._hooks.on_file(request)
        if reply is None:
            raise UserError("cant-use")
        return Outcome(reply, effect=True)

    def _location(self, request: Request, event: LocationMessage) -> Outcome:
        gather = self._hooks.gather
        if gather is None or not gather.is_open(request.tx, request.person):
            raise UserError("place-howto")
        return Outcome(gather.place(request, event.geo_uri), effect=True)

    def _edit(self, request: Request, said: Said, event: EditedMessage) -> Outcome:
        tx, account = request.tx, request.account
        source = sources.find(tx, account, event.target)
        in_dm = request.room.dm_with == request.person.user_id
        if source is not None and source.person_id != request.person.id:
            return Outcome()
        if source is not None and source.kind != COMMAND_SOURCE:
            hook = self._hooks.on_edit.get(source.kind)
            if hook is None:
                raise UserError("edit-too-late")
            self._refuse_too_long(said)
            before = handled(tx, account, event.target)
            if event.outside and before is not None and before.command is None:
                self._refuse_doubtful_command(said)
            return Outcome(hook(request, source.ref_id, said.text), effect=True)
        if not in_dm and (source is None or not (said.explicit and said.is_near_command)):
            return Outcome()
        before = handled(tx, account, event.target)
        if before is None or before.effect:
            raise UserError("edit-too-late")
        outcome = self._text(request, said, Relation())
        tx.sql(
            "UPDATE handled SET command = ?, effect = ? WHERE account_id = ? AND event_id = ?",
            (outcome.command, int(outcome.effect), account, event.target),
        )
        return outcome

    def _reaction(self, request: Request, event: Reaction) -> Outcome:
        copy = self._own_copy(request, event.target)
        if copy is None:
            return Outcome()
        if copy.ref.kind == prompts.COPY_KIND and copy.ref.ref_id is not None:
            number = prompts.number_of_reaction(event.key)
            prompt = prompts.by_id(request.tx, copy.ref.ref_id)
            if number is None:
                return Outcome()
            guarded = self._hooks.is_guarded
            if guarded is not None and guarded(request.tx, request.person):
                raise UserError("prompt-type-it")
            # Reactions are not encrypted: any server could have made this one up.
            if prompt is not None and prompt.kind not in self._hooks.harmless_choices:
                raise UserError("prompt-reaction")
            return self._choose(request, prompt, number)
        hook = self._hooks.on_reaction.get(copy.ref.kind)
        if hook is None:
            return Outcome()
        reply = hook(request, copy.ref, event.key)
        if copy.is_gone and reply.parts:
            # Once: anybody's server can make up reactions to it.
            where = (request.account, request.room.room_id, event.target)
            return Outcome(reply if self._delivery.tell_gone(request.tx, *where) else Reply())
        return Outcome(reply, effect=True)

    def _redaction(self, request: Request, event: Redaction) -> Outcome:
        source = sources.find(request.tx, request.account, event.target)
        if source is None or source.person_id != request.person.id:
            return Outcome()
        hook = self._hooks.on_redaction.get(source.kind)
        return Outcome() if hook is None else Outcome(hook(request, source.ref_id), effect=True)

    def _choose(self, request: Request, prompt: prompts.Prompt | None, number: int) -> Outcome:
        if prompt is None or prompt.person_id != request.person.id or not prompt.is_open:
            raise UserError("prompt-none")
        if not 1 <= number <= len(prompt.options):
            raise UserError("prompt-range", count=len(prompt.options))
        hook = self._hooks.on_choice.get(prompt.kind)
        if hook is None or not prompts.answer(request.tx, prompt.id):
            raise UserError("prompt-none")
        return Outcome(hook(request, prompt.ref_id or 0, prompt.options[number - 1]), effect=True)

    def _meant(self, request: Request) -> prompts.Prompt | None:
        """The question that a bare number answers: the only one, or the menu just called up; one that was seen."""
        waiting = prompts.some_open(request.tx, request.person.id)
        if len(waiting) > 1 and waiting[0].kind not in self._hooks.menus:
            raise UserError("prompt-several")
        newest = waiting[0] if waiting else None
        seen = newest is not None and self._delivery.is_sent(request.tx, newest.person_id, prompts.COPY_KIND, newest.id)
        return newest if seen else None

    def _own_copy(self, request: Request, target: EventId | None) -> SentCopy | None:
        """What was shown to this very person in their DM: somebody else's answer to it never counts."""
        if target is None or request.room.dm_with != request.person.user_id:
            return None
        copy = self._delivery.find_copy(request.tx, request.account, request.room.room_id, target)
        if copy is None or copy.person_id not in (None, request.person.id):
            return None
        return None if copy.is_gone and copy.ref.kind not in self._hooks.when_gone else copy

    def _refuse_doubtful_answer(self, request: Request, prompt: prompts.Prompt | None, relation: Relation) -> None:
        """Which of several questions is meant, nobody but the sender may say."""
        if prompt is None or not prompt.is_open or not relation.outside or prompt.kind in self._hooks.harmless_choices:
            return
        try:
            meant = self._meant(request)
        except UserError:
            meant = None
        if meant != prompt:
            raise UserError("prompt-unsure")

    @staticmethod
    def _refuse_doubtful_command(said: Said) -> None:
        """A server can hang a message on another one: what somebody says to the bot with a command, perhaps for few
        people or none, must not become a comment that others read."""
        command = said.command
        if command is not None and command.effect and any(Kind.REST in param.kinds for param in command.params):
            raise UserError("unsure-command")

    @staticmethod
    def _refuse_too_long(said: Said) -> None:
        if said.error is not None and said.error.message_id == "too-long":
            raise said.error
