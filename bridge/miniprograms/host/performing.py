"""Doing what a program asked for: inside the transaction with which its event is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Person
from bridge.chat.inbound import Origin, Relation, RoomView, TextMessage
from bridge.chat.reply import CopyRef, Lines, Message, Reply, Text
from bridge.config.model import ProgramsConfig
from bridge.db import Tx
from bridge.delivery import queue
from bridge.delivery.outbox import Outbox
from bridge.delivery.queue import EDIT
from bridge.ids import AccountId, EventId, RoomId
from bridge.miniprograms import effects, typed
from bridge.miniprograms.answer import Answer, Wanted
from bridge.miniprograms.host import asking, grants, sessions, spaces, timers
from bridge.miniprograms.host.installed import Installed
from bridge.miniprograms.host.sessions import COPY, Session, Source
from bridge.miniprograms.manifest import in_language
from bridge.miniprograms.ui import Form


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
    pictures: Mapping[str, Mapping[str, Any]]
    following: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
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
        pictures: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Carry out an answer. `pictures`: those that were uploaded, by the id of the effect."""
        last = prompts.some_open(tx, about.person.id)
        session = replace(session, state=answer.state, asked_after=last[0].id if last else 0)
        turn = _Turn(tx, about, session, pictures)
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
        for kind, data in turn.following:
            sessions.tell(tx, turn.session, kind, data, about.source, chain=about.chain + 1)

    def after_leaving(self, tx: Tx, program_id: int, answer: Answer) -> None:
        """What a program changes when somebody left it for good: what all share. All else went with them."""
        at = spaces.place(tx, program_id, "program", None)
        for wanted in answer.effects:
            if isinstance(wanted.effect, effects.KvSet | effects.KvDel) and wanted.effect.space == "program":
                spaces.change(tx, at, wanted.effect, self._limits)

    def say(self, tx: Tx, session: Session, about: About, part: Message | CopyRef) -> None:
        """Send something to the person, as an answer to what they said."""
        person, source = about.person, about.source
        if source.reply_to is None:
            if isinstance(part, CopyRef):
                assert part.ref_id is not None
                self._outbox.copy(tx, person.id, part.kind, part.ref_id)
            else:
                self._outbox.message(tx, person, part)
            return
        origin = Origin(session.account, session.room_id, source.reply_to, person.user_id, tx.now, True)
        event = TextMessage(origin, "", Relation(thread=source.thread))
        room = RoomView(session.room_id, person.user_id, True)
        self._outbox.answer(tx, event, room, person, Reply((part,)))

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
            # No server is asked yet: the program is told so, as of a server that can't be reached.
            refused = {"effect": wanted.id, "tag": effect.tag, "ok": False, "error": "refused"}
            turn.following.append(("fetch.result", refused))
        elif isinstance(effect, effects.SessionEnd):
            turn.ended = True
            self.say(turn.tx, turn.session, turn.about, Message((Text("program-ended", {"title": title(turn.about)}),)))

    # --- what is shown ------------------------------------------------------------------------------------------

    def _show(self, turn: _Turn, effect_id: str, effect: effects.UiSend | effects.UiUpdate) -> None:
        tx, session = turn.tx, turn.session
        picture = turn.pictures.get(effect_id)
        if isinstance(effect, effects.UiUpdate):
            message_id = sessions.find_message(tx, session, effect.key)
            if message_id is None:
                return  # a message of another session, or of long ago
            sessions.change_message(tx, session, message_id, effect.key, effect, picture)
            self._edit(tx, turn, message_id)
        else:
            message_id = sessions.say(tx, session, effect.key, effect, picture)
            if any((effect.text, effect.picture, effect.table, effect.choices)):
                self.say(tx, session, turn.about, CopyRef(COPY, message_id))
        if effect.choices is not None:
            turn.session = replace(turn.session, offer=message_id)
        elif isinstance(effect, effects.UiSend):
            turn.session = replace(turn.session, offer=None)
        if effect.form is not None:
            turn.session = replace(turn.session, form=effect.form, values={})
            self.say(tx, session, turn.about, Message(question(effect.form, {}, title(turn.about))))

    def _edit(self, tx: Tx, turn: _Turn, message_id: int) -> None:
        """Edit what was sent. What waits to be sent is rendered when it goes, and shows the newest anyway."""
        one = (COPY, message_id)
        edits = tx.sql(
            f"SELECT 1 FROM outbox WHERE copy_kind = ? AND copy_ref = ? AND kind IN ('copy', '{EDIT}')"
            " AND first_attempt_at IS NULL AND state <> 'failed' LIMIT 1",
            one,
        ).first()
        if edits is not None:
            return
        sent = tx.sql(
            "SELECT account_id, room_id, event_id, person_id FROM copies WHERE kind = ? AND ref_id = ?"
            " AND replaces IS NULL ORDER BY outbox_id DESC LIMIT 1",
            one,
        ).first()
        if sent is None:
            # It is on its way just now, as it was: it is sent once more.
            self.say(tx, turn.session, turn.about, CopyRef(COPY, message_id))
            return
        row = queue.NewRow(
            EDIT,
            account=AccountId(sent.account_id),
            room_id=RoomId(sent.room_id),
            person_id=turn.about.person.id,
            copy_kind=COPY,
            copy_ref=message_id,
            target_event=EventId(sent.event_id),
        )
        queue.insert(tx, [row])
        tx.after_commit(self._outbox.wake)

    # --- what is stored -----------------------------------------------------------------------------------------

    def _store(self, turn: _Turn, effect_id: str, effect: effects.KvGet | effects.KvSet | effects.KvDel) -> None:
        tx, about = turn.tx, turn.about
        at = place_of(tx, about.installed.id, effect.space, about)
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
        wanted = asking.Request(
            effect_id, effect.tag, tuple(dict.fromkeys(effect.scopes)), source=about.source, session_id=turn.session.id
        )
        asked = asking.ask(tx, about.installed, about.person, wanted)
        if isinstance(asked, Message):
            self.say(tx, turn.session, about, asked)
        else:
            turn.following.append(("scope.result", asked))

    def _set_timer(self, turn: _Turn, effect: effects.TimerSet) -> None:
        tx, about = turn.tx, turn.about
        due = None if effect.after is None else tx.now + effect.after * 1000
        timers.set_timer(tx, turn.session, effect.tag, due, effect.payload)
        manifest = about.installed.program.manifest
        if due is None or grants.NOTIFY not in manifest.scopes:
            return
        # Whether it may ring is asked when it is set, while the person is here.
        wanted = asking.Request(None, "", (grants.NOTIFY,), source=about.source, session_id=turn.session.id)
        asked = asking.ask(tx, about.installed, about.person, wanted)
        if isinstance(asked, Message):
            self.say(tx, turn.session, about, asked)


def place_of(tx: Tx, program_id: int, space: str, about: About) -> spaces.Place:
    """Where a program stores what is of this person, of their chat, or of all."""
    if space == "program":
        return spaces.place(tx, program_id, space, None)
    return spaces.place(tx, program_id, space, about.person.id, about.generation)


def title(about: About) -> str:
    """What the program is called, for this person."""
    return in_language(about.installed.program.manifest.title, about.person.language)


def question(form: Form, values: Mapping[str, Any], title: str) -> tuple[Text | Lines, ...]:
    """The next question of a form: the first field that was not answered."""
    current = form.fields[len(values)]
    kind = typed.kind_of(current)
    text = Text(
        "program-ask",
        {
            "label": current.label,
            "number": len(values) + 1,
            "count": len(form.fields),
            "optional": "no" if current.required else "yes",
        },
    )
    head = Text("program-says", {"title": title})
    return (head, text, *choice_lines([choice.label for choice in kind.choices]), Text("program-ask-howto"))


def choice_lines(labels: Sequence[str]) -> tuple[Lines, ...]:
    """Choices with their numbers; nothing where there are none."""
    if not labels:
        return ()
    return (
        Lines(
            tuple(Text("program-choice", {"number": number, "label": label}) for number, label in enumerate(labels, 1))
        ),
    )
