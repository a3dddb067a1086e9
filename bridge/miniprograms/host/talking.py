"""What somebody says while a program is open in their chat: an answer to its form, a choice, a command, or text."""

from dataclasses import replace
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Person, Request
from bridge.chat.inbound import RoomView
from bridge.chat.people import People
from bridge.chat.reply import NOTHING, Block, CopyRef, Lines, Reply, Text
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import AccountId, RoomId
from bridge.miniprograms import typed
from bridge.miniprograms.events import MAX_TYPED
from bridge.miniprograms.host import messages, remotely, sessions, tokens
from bridge.miniprograms.host.allowance import Allowances
from bridge.miniprograms.host.drawing import zone
from bridge.miniprograms.host.host import Host
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.host.performing import ask, question
from bridge.miniprograms.host.sessions import Asked, Session, Source, Spot
from bridge.miniprograms.manifest import in_language
from bridge.miniprograms.typed import Misread

_MAX_WAITING = 20
"""Things that a program was not told yet; more are refused."""
_CANCEL = frozenset({"cancel", "取消"})
_BACK = frozenset({"back", "返回", "上一步"})
_NONE = frozenset({"-", "－", "—"})


class Talk:
    """The port `bridge.chat.hooks.Talk`."""

    def __init__(self, programs: Programs, allowances: Allowances, people: People) -> None:
        self._programs = programs
        self._allowances = allowances
        self._people = people
        self._rooms: set[tuple[AccountId, RoomId]] = set()
        self.host: Host | None = None

    def listens(self, account: AccountId, room_id: RoomId) -> bool:
        """Whether a program is open in a room with several people. Asked for every message there: from memory."""
        return (account, room_id) in self._rooms

    def look(self, tx: Tx) -> None:
        """Look up again in which rooms programs are open."""
        rooms = sessions.open_rooms(tx)
        tx.after_commit(lambda: self._now_in(rooms))

    def _now_in(self, rooms: set[tuple[AccountId, RoomId]]) -> None:
        self._rooms = rooms

    def is_open(self, tx: Tx, person: Person, room: RoomView, account: AccountId) -> bool:
        return sessions.is_open(tx, spot(person, room, account))

    def takes_number(self, tx: Tx, person: Person, room: RoomView, account: AccountId) -> bool:
        """A number is for the program, unless a question came after what the program said last."""
        session = sessions.current(tx, spot(person, room, account))
        if session is None:
            return False
        if session.in_room:
            return True  # questions of Courtyard are asked in people's own chats
        waiting = prompts.some_open(tx, person.id)
        return not waiting or waiting[0].id <= session.asked_after

    def addressed(self, tx: Tx, person: Person, room: RoomView, account: AccountId, text: str) -> str | None:
        """What stands behind the name of the program that is open here; None: the text begins otherwise."""
        word, _, rest = text.strip().partition(" ")
        session = sessions.current(tx, spot(person, room, account))
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        return rest.strip() if installed is not None and word.casefold() == installed.name else None

    def text(self, request: Request, text: str) -> Reply:
        session = sessions.current(request.tx, spot_of(request))
        if session is None:
            raise UserError("program-none-open")
        return self._said(request, session, text)

    def help(self, request: Request) -> tuple[Block, ...]:
        """What the program that is open here understands."""
        session = sessions.current(request.tx, spot_of(request))
        installed = None if session is None else self._programs.by_id(request.tx, session.program_id)
        return () if installed is None else commands_of(installed, request.person, "program-help")

    def on_reply(self, request: Request, copy: CopyRef, text: str) -> Reply:
        """An answer to a message of a program. A number is for its choices, if the program is still open."""
        tx, me = request.tx, request.person.id
        message = None if copy.ref_id is None else messages.by_id(tx, copy.ref_id)
        session = None if message is None or message.person_id != me else sessions.by_id(tx, message.session_id)
        if message is None or session is None or not self._is_here(request, session, not message.said.to_all):
            raise UserError("program-closed-already")
        self._refuse_unsure(request, session, text)
        relation = getattr(request.event, "relation", None)
        if relation is not None and not relation.outside:
            # A server may hang a message on another one: then what the program offered last counts.
            offers = dict(session.offers)
            if message.said.content.choices is not None:
                offers[str(me)] = message.id
            elif offers.get(str(me), 0) > message.id:
                del offers[str(me)]  # what came later was not offered there
            session = replace(session, offers=offers)
        return self._said(request, session, text)

    def on_answer(self, request: Request, copy: CopyRef, text: str) -> Reply:
        """An answer to what a program in a room has asked this person alone."""
        session = None if copy.ref_id is None else sessions.by_id(request.tx, copy.ref_id)
        installed = None if session is None else self._programs.by_id(request.tx, session.program_id)
        asked = None if session is None else session.asked.get(str(request.person.id))
        if session is None or installed is None or asked is None or not self._is_here(request, session, asked.alone):
            raise UserError("program-closed-already")
        self._refuse_unsure(request, session, text)
        return self._answered(request, session, installed, text.strip())

    def pressed(self, request: Request, token: str) -> Reply | None:
        """See `bridge.chat.hooks.Talk`."""
        tx, me = request.tx, request.person.id
        offer = tokens.find(tx, token, me)
        session = None if offer is None else sessions.by_id(tx, offer.session_id)
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        if offer is None or session is None or installed is None:
            return None
        message = None if offer.message_id is None else messages.by_id(tx, offer.message_id)
        asked = session.asked.get(str(me))
        if message is not None:
            alone = message.person_id == me and not message.said.to_all
        else:
            alone = asked is not None and asked.alone
        if not self._is_here(request, session, alone):
            return None
        if message is not None:
            choices = dict(zip(message.said.tokens, message.said.content.choices or (), strict=False))
            chosen = {"key": message.said.key, "choice": choices[token].id} if token in choices else None
            return None if chosen is None else self._tell(request, session, installed, "choice", chosen)
        if asked is None or token not in asked.tokens:
            return None
        field = asked.form.fields[len(asked.values)]
        choice = typed.kind_of(field).choices[asked.tokens.index(token)]
        return self._next(request, session, installed, replace(asked, values={**asked.values, field.name: choice.id}))

    def _is_here(self, request: Request, session: Session, alone: bool) -> bool:
        """Whether it is open, and this is where what it showed is answered: in its chat; and what a program in a room
        showed to this person `alone` also in their own chat, as long as they are in the room."""
        room, person = request.room, request.person
        if not session.is_open:
            return False
        in_own = room.dm_with == person.user_id
        if session.room_id == room.room_id and session.account == request.account:
            return session.in_room != in_own
        there = self._people.is_in(session.account, session.room_id, person.user_id)
        return session.in_room and in_own and alone and there

    def _refuse_unsure(self, request: Request, session: Session, text: str) -> None:
        """Nobody's server may carry what somebody says in their own chat to a program in a room, where others may read
        what becomes of it: unless the ciphertext says so, only what chooses is taken for an answer to it."""
        relation = getattr(request.event, "relation", None)
        if session.room_id == request.room.room_id or relation is None or not relation.outside:
            return
        asked = session.asked.get(str(request.person.id))
        if asked is not None:
            free = typed.kind_of(asked.form.fields[len(asked.values)]).type == "text"
            sure = not free or text.strip().casefold() in (*_CANCEL, *_BACK, *_NONE)
        else:
            sure = _picked(request, session, text) is not None
        if not sure:
            raise UserError("program-unsure")

    def _said(self, request: Request, session: Session, text: str) -> Reply:
        tx, person = request.tx, request.person
        installed = self._programs.by_id(tx, session.program_id)
        if installed is None:
            raise UserError("program-none-open")
        if str(person.id) in session.asked:
            return self._answered(request, session, installed, text.strip())
        chosen = _picked(request, session, text)
        if chosen is not None:
            return self._tell(request, session, installed, "choice", chosen)
        word, _, rest = text.strip().partition(" ")
        command = installed.manifest.command(word.casefold())
        if command is None:
            return self._tell(request, session, installed, "text", {"text": text[:MAX_TYPED]})
        try:
            given = typed.arguments(command, rest, zone(person.time_zone))
        except Misread as misread:
            usage = in_language(command.description, person.language)
            raise misread_error(misread, usage) from None
        return self._tell(request, session, installed, "command", {"name": command.name, "args": given})

    def _answered(self, request: Request, session: Session, installed: Installed, line: str) -> Reply:
        """An answer to a question of a form: the next question, or what was filled in goes to the program."""
        asked = session.asked[str(request.person.id)]
        values, word = dict(asked.values), line.casefold()
        if word in _CANCEL:
            return self._filled(request, session, installed, None)
        if word in _BACK:
            if values:
                values.popitem()
        else:
            current = asked.form.fields[len(values)]
            if line in _NONE and not current.required:
                values[current.name] = None
            else:
                zone_ = zone(request.person.time_zone)
                try:
                    values[current.name] = typed.value(typed.kind_of(current), line, zone_, current.label)
                except Misread as misread:
                    raise misread_error(misread) from None
        return self._next(request, session, installed, replace(asked, values=values))

    def _next(self, request: Request, session: Session, installed: Installed, asked: Asked) -> Reply:
        """The next question of a form; or all of it was answered."""
        if len(asked.values) == len(asked.form.fields):
            return self._filled(request, session, installed, dict(asked.values))
        asked = ask(request.tx, session, request.person.id, asked)
        sessions.save(request.tx, replace(session, asked={**session.asked, str(request.person.id): asked}))
        title = in_language(installed.manifest.title, request.person.language)
        return Reply((question(session, asked, title),), personal=asked.alone or not session.in_room)

    def _filled(self, request: Request, session: Session, installed: Installed, values: dict[str, Any] | None) -> Reply:
        mine = str(request.person.id)
        tokens.take_back(request.tx, session.asked[mine].tokens)
        data = {"form": session.asked[mine].form.name, "values": values}
        rest = {who: asked for who, asked in session.asked.items() if who != mine}
        return self._tell(request, replace(session, asked=rest), installed, "form", data)

    def _tell(self, request: Request, session: Session, installed: Installed, kind: str, data: dict[str, Any]) -> Reply:
        tx = request.tx
        check_allowance(self._allowances, request.person, installed)
        if installed.manifest.server is not None and remotely.is_held(tx, session.id):
            title = in_language(installed.manifest.title, request.person.language)
            raise UserError("program-runs-undecided", title=title, name=installed.name, host=installed.manifest.server)
        if sessions.count_waiting(tx, session.id) >= _MAX_WAITING:
            raise _slow(installed, request.person)
        sessions.save(tx, session)
        elsewhere = session.room_id != request.room.room_id  # answers in a room hang on nothing in somebody's own chat
        source = Source() if elsewhere else source_of(request)
        sessions.tell(tx, session, request.person.id, kind, data, source)
        if self.host is not None:
            tx.after_commit(self.host.wake)
        return NOTHING


def _picked(request: Request, session: Session, text: str) -> dict[str, Any] | None:
    """The choice that a text means, of what this person was offered last, or anybody was; as a program is told it."""
    for whose in (str(request.person.id), sessions.ANYBODY):
        offered = messages.by_id(request.tx, session.offers[whose]) if whose in session.offers else None
        choice = typed.picked(offered.said.content.choices or (), text) if offered is not None else None
        if choice is not None and offered is not None:
            return {"key": offered.said.key, "choice": choice}
    return None


def commands_of(installed: Installed, person: Person, head: str) -> tuple[Block, ...]:
    """The commands of a program, under `head`; nothing where it has none."""
    manifest, language = installed.manifest, person.language
    lines = tuple(
        Text(
            "program-command",
            {"name": command.word_in(language), "about": in_language(command.description, language)},
        )
        for command in manifest.commands
    )
    if not lines:
        return ()
    return (Text(head, {"title": in_language(manifest.title, language), "name": installed.name}), Lines(lines))


def spot(person: Person, room: RoomView, account: AccountId) -> Spot:
    """Where somebody says something."""
    return Spot(person.id, account, room.room_id, room.dm_with != person.user_id)


def spot_of(request: Request) -> Spot:
    return spot(request.person, request.room, request.account)


def check_allowance(allowances: Allowances, person: Person, installed: Installed) -> None:
    """Raises UserError where somebody did too much in a program of late, or it takes too much."""
    if not allowances.take(person.id, installed.id):
        raise _slow(installed, person)


def _slow(installed: Installed, person: Person) -> UserError:
    return UserError("program-slow", title=in_language(installed.manifest.title, person.language))


def source_of(request: Request) -> Source:
    """What the answer hangs on."""
    relation = getattr(request.event, "relation", None)
    return Source(request.event.origin.event_id, None if relation is None else relation.thread)


def misread_error(misread: Misread, usage: str = "") -> UserError:
    """What was wrong with what was typed, in plain words. `usage`: what the command does."""
    bound = int(misread.bound) if misread.bound == int(misread.bound) else misread.bound
    return UserError(f"program-misread-{misread.reason}", what=misread.what, bound=bound, usage=usage and f"\n{usage}")


def sign_off(title: str) -> Text:
    return Text("program-closed", {"title": title})
