"""Doing what a program asked for: inside the transaction with which its event is done."""

from dataclasses import dataclass, field, replace
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Person
from bridge.chat.inbound import Origin, Relation, RoomView, TextMessage
from bridge.chat.reply import CopyRef, Message, Reply, Text
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.outbox import Outbox
from bridge.delivery.queue import EDIT
from bridge.ids import AccountId, EventId, PersonId, RoomId
from bridge.miniprograms import effects, typed
from bridge.miniprograms.answer import Answer, Wanted
from bridge.miniprograms.host import asking, drawing, fetching, grants, messages, sessions, spaces, timers, tokens
from bridge.miniprograms.host.installed import Installed
from bridge.miniprograms.host.messages import COPY, Said
from bridge.miniprograms.host.pictures import Shown
from bridge.miniprograms.host.sessions import Asked, Session, Source
from bridge.miniprograms.manifest import in_language
from bridge.miniprograms.ui import https_host

QUESTION = "program-question"
"""Kind of the copies of what one person of a room is asked alone; their ref is the id of the session."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose event it was, and where."""

    installed: Installed
    person: Person
    generation: int
    source: Source
    chain: int


@dataclass(slots=True)
class _Turn:
    """One answer that is being carried out."""

    tx: Tx
    about: About
    session: Session
    pictures: Shown
    following: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Servers that the person can't be asked about now."""
    ended: bool = False


class Performer:
    def __init__(self, outbox: Outbox, limits: ProgramsConfig) -> None:
        self._outbox = outbox
        self._limits = limits

    def perform(
        self,
        tx: Tx,
        session: Session,
        about: About,
        answer: Answer,
        pictures: Shown,
    ) -> None:
        """Carry out an answer. `pictures`: what became of its pictures."""
        # Nothing asks for the state of what is closed.
        turn = _Turn(tx, about, replace(session, state=answer.state if session.is_open else None), pictures)
        for wanted in answer.effects:
            self._one(turn, wanted)
        if turn.following and about.chain + 1 >= self._limits.chain:
            turn.following.clear()
            turn.ended = True
            self.say(tx, turn.session, about, Message((Text("program-chain", {"title": title(about)}),)))
        if turn.ended and turn.session.is_open:
            grants.forget_once(tx, about.person.id, session.id)
            sessions.end(tx, turn.session)
        else:
            sessions.save(tx, turn.session)
        for host in turn.refused:
            fetching.decided(tx, turn.session, host, agreed=False)
        for kind, data in turn.following:
            sessions.tell(tx, turn.session, about.person.id, kind, data, about.source, chain=about.chain + 1)

    def after_leaving(self, tx: Tx, program_id: int, answer: Answer) -> None:
        """What a program changes when somebody left it for good: what all share. All else went with them."""
        at = spaces.place(tx, program_id, "program", None)
        for wanted in answer.effects:
            if isinstance(wanted.effect, effects.KvSet | effects.KvDel) and wanted.effect.space == "program":
                spaces.change(tx, at, wanted.effect, self._limits)

    def say(
        self, tx: Tx, session: Session, about: About, part: Message | CopyRef, *, to_all: bool | None = None
    ) -> None:
        """Say something as an answer to what the person said. `to_all`: in a room to everybody; what the host itself
        has to say is."""
        person, source = about.person, about.source
        in_room = session.in_room and to_all is not False
        if source.reply_to is None:
            if session.in_room and isinstance(part, Message) and in_room:
                room = queue.NewRow(
                    "message",
                    account=session.account,
                    room_id=session.room_id,
                    copy_kind=None if part.copy is None else part.copy.kind,
                    copy_ref=None if part.copy is None else part.copy.ref_id,
                    content=self._outbox.render(part, person),
                )
                queue.insert(tx, [room])
                tx.after_commit(self._outbox.wake)
            elif isinstance(part, CopyRef):
                assert part.ref_id is not None
                self._outbox.copy(tx, person.id, part.kind, part.ref_id)
            else:
                self._outbox.message(tx, person, part)
            return
        origin = Origin(session.account, session.room_id, source.reply_to, person.user_id, tx.now, True)
        event = TextMessage(origin, "", Relation(thread=source.thread))
        where = RoomView(session.room_id, None if session.in_room else person.user_id, True)
        self._outbox.answer(tx, event, where, person, Reply((part,), personal=not in_room))

    def _one(self, turn: _Turn, wanted: Wanted) -> None:
        effect = wanted.effect
        if isinstance(effect, effects.UiSend | effects.UiUpdate):
            self._show(turn, wanted.id, effect)
        elif isinstance(effect, effects.KvGet | effects.KvSet | effects.KvDel):
            self._store(turn, wanted.id, effect)
        elif isinstance(effect, effects.ScopeRequest):
            self._ask(turn, wanted.id, effect)
        elif isinstance(effect, effects.TimerSet):
            self._set_timer(turn, effect)
        elif isinstance(effect, effects.Fetch):
            self._fetch(turn, wanted.id, effect)
        elif isinstance(effect, effects.SessionEnd):
            turn.ended = True
            self.say(turn.tx, turn.session, turn.about, Message((Text("program-ended", {"title": title(turn.about)}),)))

    # --- what is shown ------------------------------------------------------------------------------------------

    def _show(self, turn: _Turn, effect_id: str, effect: effects.UiSend | effects.UiUpdate) -> None:
        tx, session = turn.tx, turn.session
        picture = turn.pictures.there.get(effect_id)
        person = turn.about.person
        choices = effect.choices or ()
        if isinstance(effect, effects.UiUpdate):
            found = messages.find(tx, session, effect.key)
            if found is None:
                return  # a message of another session, or of long ago
            message_id, before = found.id, found.said
            chooser = _chooser(effect, before.to_all, person.id if before.to_all else found.person_id)
            renewed = tokens.renew(tx, found, choices, chooser)
            messages.change(tx, found, replace(before, content=effect, picture=picture, tokens=renewed))
            self._edit(turn, found)
        else:
            push = turn.about.source.push
            if push is not None:
                if session.pushes < 1:
                    return  # one yes is for one message
                turn.session = session = replace(session, pushes=session.pushes - 1)
            to_all = session.in_room and effect.to == "chat"
            reader = session.person_id if to_all else person.id
            chooser = _chooser(effect, to_all, person.id)
            offered = tokens.new(len(choices))
            message_id = messages.say(tx, session, reader, Said(effect, effect.key, picture, push, to_all, offered))
            tokens.offer(tx, session.id, offered, chooser, message_id)
            if any((effect.text, effect.picture, effect.table, effect.choices)):
                self.say(tx, session, turn.about, self._shown(turn, message_id, to_all), to_all=to_all)
        self._about_picture(turn, effect_id, effect, message_id)
        # What a message offers now it offers to nobody but whom it names now.
        offers = {who: offered for who, offered in turn.session.offers.items() if offered != message_id}
        whose = sessions.ANYBODY if chooser is None else str(chooser)
        asks = effect.choices is not None or (effect.form is not None and turn.about.source.push is None)
        turn.session = replace(turn.session, asked_after=_asked_after(turn, asks=asks))
        if effect.choices is not None:
            offers[whose] = message_id
        elif isinstance(effect, effects.UiSend):
            offers.pop(whose, None)
        turn.session = replace(turn.session, offers=offers)
        if effect.form is not None and turn.about.source.push is None:
            others = turn.session.asked.get(str(person.id))
            tokens.take_back(tx, () if others is None else others.tokens)
            alone = session.in_room and isinstance(effect, effects.UiSend) and effect.to == "user"
            asked = ask(tx, session, person.id, Asked(effect.form, alone=alone))
            turn.session = replace(turn.session, asked={**turn.session.asked, str(person.id): asked})
            shown = question(session, asked, title(turn.about))
            self.say(tx, session, turn.about, shown, to_all=False if alone else None)

    def _about_picture(
        self, turn: _Turn, effect_id: str, effect: effects.UiSend | effects.UiUpdate, message_id: int
    ) -> None:
        """A picture that is told in words: the program learns why, or the person is asked about its server."""
        error = turn.pictures.failed.get(effect_id)
        if error is not None and turn.about.chain + 1 < self._limits.chain:
            turn.following.append(("fetch.result", fetching.failed(effect_id, fetching.PICTURE, error)))
        elif effect_id in turn.pictures.undecided and effect.picture is not None and effect.picture.url is not None:
            wanted = effects.Fetch(type="fetch", tag=fetching.PICTURE, url=effect.picture.url)
            self._fetch(turn, effect_id, wanted, message_id)

    def show_again(self, tx: Tx, session: Session, about: About, message_id: int) -> None:
        """Say once more what was said in words, now with its picture."""
        self.say(tx, session, about, CopyRef(COPY, message_id))

    def _shown(self, turn: _Turn, message_id: int, to_all: bool) -> Message | CopyRef:
        """What is sent: for one reader a copy, which is rendered when it goes; for a room, the message as it is now."""
        if not to_all:
            return CopyRef(COPY, message_id)
        message = messages.by_id(turn.tx, message_id)
        assert message is not None
        return drawing.message(message, turn.about.installed.manifest, turn.about.person, in_room=True)

    def _edit(self, turn: _Turn, message: messages.Message) -> None:
        """Edit what was sent. What waits to be sent is rendered when it goes, and shows the newest anyway."""
        tx, message_id, to_all = turn.tx, message.id, message.said.to_all
        one = (COPY, message_id)
        edits = (
            None
            if to_all
            else tx.sql(
                f"SELECT 1 FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND kind IN ('copy', '{EDIT}')"
                " AND first_attempt_at IS NULL AND state <> 'failed' LIMIT 1",
                one,
            ).first()
        )
        if edits is not None:
            return
        sent = tx.sql(
            "SELECT account_id, room_id, event_id, person_id FROM copies WHERE kind = ? AND ref_id = ?"
            " AND replaces IS NULL ORDER BY outbox_id DESC LIMIT 1",
            one,
        ).first()
        if sent is None:
            # It is on its way just now, as it was: it is sent once more.
            if to_all or message.person_id == turn.about.person.id:
                self.say(tx, turn.session, turn.about, self._shown(turn, message_id, to_all), to_all=to_all)
            else:
                self._outbox.copy(tx, message.person_id, COPY, message_id)
            return
        shown = self._shown(turn, message_id, to_all)
        row = queue.NewRow(
            EDIT if isinstance(shown, CopyRef) else "message",
            account=AccountId(sent.account_id),
            room_id=RoomId(sent.room_id),
            person_id=sent.person_id,
            content=None if isinstance(shown, CopyRef) else self._outbox.render(shown, turn.about.person),
            copy_kind=COPY,
            copy_ref=message_id,
            target_event=EventId(sent.event_id),
        )
        queue.insert(tx, [row])
        tx.after_commit(self._outbox.wake)

    # --- what is stored -----------------------------------------------------------------------------------------

    def _store(self, turn: _Turn, effect_id: str, effect: effects.KvGet | effects.KvSet | effects.KvDel) -> None:
        tx, about = turn.tx, turn.about
        at = place_of(tx, turn.session, effect.space, about)
        refusal = None if isinstance(effect, effects.KvGet) else spaces.change(tx, at, effect, self._limits)
        if effect.tag is None:
            return
        items = {key: stored.model_dump(mode="json") for key, stored in spaces.read(tx, at, effect).items()}
        kept = {
            "effect": effect_id,
            "tag": effect.tag,
            "op": effect.type.removeprefix("kv."),
            "space": effect.space,
            "ok": refusal is None,
            "error": refusal,
            "items": items,
        }
        turn.following.append(("kv.result", kept))

    # --- what is asked ------------------------------------------------------------------------------------------

    def _ask(self, turn: _Turn, effect_id: str, effect: effects.ScopeRequest) -> None:
        tx, about = turn.tx, turn.about
        if turn.session.in_room:
            denied = {"effect": effect_id, "tag": effect.tag, "granted": [], "denied": list(effect.scopes)}
            turn.following.append(("scope.result", denied))
            return
        wanted = asking.Request(
            effect_id, effect.tag, tuple(dict.fromkeys(effect.scopes)), source=about.source, session_id=turn.session.id
        )
        asked = asking.ask(tx, about.installed, about.person, wanted, self._limits.grant_days)
        if isinstance(asked, Message):
            self.say(tx, turn.session, about, asked)
        else:
            turn.following.append(("scope.result", asked))

    def _fetch(self, turn: _Turn, effect_id: str, effect: effects.Fetch, picture: int | None = None) -> None:
        """Have a server asked, if the person agrees. `picture`: the message that shows what comes."""
        tx, about, session = turn.tx, turn.about, turn.session
        host = https_host(effect.url) or ""
        manifest, person = about.installed.manifest, about.person
        wish = fetching.wish(tx, session, person.id, manifest, host, about.source)
        full = fetching.count(tx, session) >= fetching.MAX_WAITING
        last = about.chain + 1 >= self._limits.chain
        if wish == "refused" or full or last or not self._limits.fetch:
            refused = fetching.failed(effect_id, effect.tag, "quota" if full else "refused")
            turn.following.append(("fetch.result", refused))
            return
        about_it: dict[str, Any] = {"chain": about.chain, "agreed": wish == "agreed", "picture": picture}
        known = fetching.queue(tx, session, person.id, effect_id, effect, about.source, **about_it)
        if wish == "agreed" or known:
            return
        scope = grants.server(host)
        wanted = asking.Request(None, "", (scope,), source=about.source, session_id=session.id)
        asked = asking.ask(tx, about.installed, person, wanted, self._limits.grant_days)
        if isinstance(asked, Message):
            self.say(tx, session, about, asked)
        else:
            turn.refused.append(host)

    def _set_timer(self, turn: _Turn, effect: effects.TimerSet) -> None:
        tx, about = turn.tx, turn.about
        if turn.session.in_room:
            return  # nobody there has agreed to messages that follow
        due = None if effect.after is None else tx.now + effect.after * 1000
        timers.set_timer(tx, turn.session, effect.tag, due, effect.payload)
        manifest = about.installed.manifest
        held = grants.held(tx, about.person.id, about.installed.id, manifest, turn.session.id)
        if due is None or grants.NOTIFY not in manifest.scopes or grants.SUBSCRIBE in held:
            return
        # Whether it may ring is asked when it is set, while the person is here.
        wanted = asking.Request(None, "", (grants.NOTIFY,), source=about.source, session_id=turn.session.id)
        asked = asking.ask(tx, about.installed, about.person, wanted, self._limits.grant_days)
        if isinstance(asked, Message):
            self.say(tx, turn.session, about, asked)


def _asked_after(turn: _Turn, *, asks: bool) -> int:
    """The newest question of others, now that the program says something. What a program merely says is no reason to
    take the answer to a question about what it may know for something else."""
    open_ = prompts.some_open(turn.tx, turn.about.person.id)
    if not open_ or (open_[0].kind == asking.KIND and not asks):
        return turn.session.asked_after
    return open_[0].id


def place_of(tx: Tx, session: Session, space: str, about: About) -> spaces.Place:
    """Where a program stores what is of this person, of their chat, or of all. What it stores of a person in one room
    it does not find in another."""
    program_id = session.program_id
    if space == "program":
        return spaces.place(tx, program_id, space, None)
    if session.in_room:
        owner = about.person.id if space == "person" else None
        where = f"{space} in {session.account} {session.room_id}"
        return spaces.place(tx, program_id, where, owner, about.generation if space == "person" else 0)
    return spaces.own(tx, program_id, space, about.person.id, about.generation)


def title(about: About) -> str:
    """What the program is called, for this person."""
    return in_language(about.installed.manifest.title, about.person.language)


def ask(tx: Tx, session: Session, person: PersonId, asked: Asked) -> Asked:
    """Ask the first question that was not answered: its choices can be made now, those of the one before no more."""
    tokens.take_back(tx, asked.tokens)
    kind = typed.kind_of(asked.form.fields[len(asked.values)])
    offered = tokens.new(len(kind.choices))
    tokens.offer(tx, session.id, offered, person)
    return replace(asked, tokens=offered)


def question(session: Session, asked: Asked, title: str) -> Message:
    """The question of a form that is asked now."""
    form, values = asked.form, asked.values
    current = form.fields[len(values)]
    kind = typed.kind_of(current)
    text = Text(
        "program-ask",
        {
            "label": drawing.unnamed(current.label),
            "number": len(values) + 1,
            "count": len(form.fields),
            "optional": "no" if current.required else "yes",
        },
    )
    head = Text("program-says", {"title": title})
    lines = drawing.choice_lines(kind.choices)
    howto = Text("program-ask-howto-reply" if asked.alone else "program-ask-howto")
    copy = CopyRef(QUESTION, session.id) if asked.alone else None
    return Message((head, text, *lines, howto), copy, buttons=drawing.buttons(kind.choices, asked.tokens))


def _chooser(effect: effects.UiSend | effects.UiUpdate, to_all: bool, person: PersonId) -> PersonId | None:
    """Who may choose; None: anybody who is in the room."""
    return None if to_all and effect.chooser == "anyone" else person
