"""`apps`, `open`, `close`, `grants`, `revoke` and what belongs to them: what people do with programs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bridge.chat.command import Command, Kind, Param, Person, Request
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.chat.reply import NOTHING, Block, Lines, Message, Reply, Text, Time, Written
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.errors import UserError
from bridge.miniprograms.events import MAX_PAYLOAD
from bridge.miniprograms.host import asking, deliveries, drawing, fetching, grants, messages, remotely, sessions
from bridge.miniprograms.host.allowance import Allowances
from bridge.miniprograms.host.asking import decided_text, revoked_text, scope_text
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.grants import VERDICTS
from bridge.miniprograms.host.host import Host
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.host.messages import COPY
from bridge.miniprograms.host.people import begin_anew, opened, recent
from bridge.miniprograms.host.performing import QUESTION, About
from bridge.miniprograms.host.pictures import with_profile
from bridge.miniprograms.host.profile import avatar_of
from bridge.miniprograms.host.sessions import Session, Source, Waiting
from bridge.miniprograms.host.talking import Talk, check_allowance, commands_of, sign_off, source_of, spot_of
from bridge.miniprograms.host.telling import close, event_of
from bridge.miniprograms.manifest import in_language

GROUP = "apps"
_SHOWN, _SENT = 50, 5
_PART = 3000
"""Characters that fit into one message, whatever they are."""
_NAME = Param("name", (Kind.WORD,))


@dataclass(slots=True)
class Parts:
    """What the feature has for the rest of the bot."""

    commands: list[Command]
    hooks: Hooks
    renderers: dict[str, Any]
    talk: Talk
    open: Any
    """Handler of `open NAME [payload]`; the command itself is shared with moments."""


class _Commands:
    def __init__(self, programs: Programs, talk: Talk, allowances: Allowances, limits: ProgramsConfig) -> None:
        self._programs = programs
        self._talk = talk
        self._allowances = allowances
        self._limits = limits

    @property
    def _host(self) -> Host | None:
        return self._talk.host

    # --- finding ----------------------------------------------------------------------------------------------------

    def listed(self, request: Request) -> Reply:
        return self._list(request, self._programs.open_to_people(request.tx), "apps-head")

    def search(self, request: Request) -> Reply:
        words = request.args["words"].casefold().split()
        found = [
            one
            for one in self._programs.open_to_people(request.tx)
            if all(word in _searched(one, request.person) for word in words)
        ]
        return self._list(request, found, "apps-found")

    def mine(self, request: Request) -> Reply:
        ids = recent(request.tx, request.person.id, _SHOWN)
        known = {one.id: one for one in self._programs.open_to_people(request.tx)}
        return self._list(request, [known[program_id] for program_id in ids if program_id in known], "apps-mine")

    def _list(self, request: Request, found: list[Installed], head: str) -> Reply:
        if not found:
            return Reply.text(f"{head}-none")
        language = request.person.language
        session = sessions.current(request.tx, spot_of(request))
        lines = tuple(
            Text(
                "apps-line",
                {
                    "name": one.name,
                    "title": in_language(one.manifest.title, language),
                    "about": in_language(one.manifest.description, language),
                    "open": "yes" if session is not None and session.program_id == one.id else "no",
                },
            )
            for one in found[:_SHOWN]
        )
        return Reply((Message((Text(head), Lines(lines), Text("apps-howto"))),))

    # --- opening and closing ----------------------------------------------------------------------------------------

    def open(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        installed = self._named(request, request.args["name"])
        payload = request.args.get("payload")
        if payload is not None and len(payload) > MAX_PAYLOAD:
            raise UserError("too-long", length=len(payload), limit=MAX_PAYLOAD)
        if installed.suspended_until is not None:
            raise UserError("program-suspended", title=self._title(installed, person))
        check_allowance(self._allowances, person, installed)
        self._check_room(request, installed)
        before = sessions.current(tx, spot_of(request))
        if before is not None and before.program_id != installed.id:
            close(tx, before, person.id, "user", Source())
            before = None
        session = before or sessions.begin(tx, installed.id, spot_of(request))
        first = opened(tx, installed.id, person.id)
        sessions.tell(tx, session, person.id, "open", {"payload": payload}, source_of(request))
        self._talk.look(tx)
        self._awake(tx)
        if session.in_room:
            if before is not None:
                return NOTHING
            server = installed.manifest.server
            said = "program-in-room" if server is None else "program-in-room-runs"
            title = self._title(installed, person)
            return Reply.text(said, title=title, host=server or "", name=installed.name, personal=False)
        return Reply((Message(self._introduction(installed, person)),)) if first else NOTHING

    def _check_room(self, request: Request, installed: Installed) -> None:
        """In a room, a program on a server is opened by somebody who agrees to that for good: it is asked elsewhere."""
        server, at = installed.manifest.server, spot_of(request)
        if at.in_room and server is not None and not remotely.agreed(request.tx, installed, request.person.id, 0):
            title = self._title(installed, request.person)
            raise UserError("program-runs-first", title=title, host=server, name=installed.name)

    def close(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        session = sessions.current(tx, spot_of(request))
        if session is None:
            raise UserError("program-none-open")
        installed = self._programs.by_id(tx, session.program_id)
        close(tx, session, person.id, "user", source_of(request))
        self._talk.look(tx)
        self._awake(tx)
        title = "" if installed is None else self._title(installed, person)
        return Reply((Message((sign_off(title),)),), personal=not session.in_room)

    def reset(self, request: Request) -> Reply:
        """Begin anew as somebody whom the program does not know."""
        tx, person = request.tx, request.person
        installed = self._named(request, request.args["name"])
        begin_anew(tx, installed, person.id, self._limits)
        self._awake(tx)
        return Reply.text("apps-reset-done", title=self._title(installed, person))

    def _introduction(self, installed: Installed, person: Person) -> tuple[Block, ...]:
        """What somebody is told who opens a program for the first time."""
        scopes = tuple(Text("program-first-scope", {"scope": scope_text(scope)}) for scope in installed.manifest.scopes)
        head = Text("program-first", {"title": self._title(installed, person)})
        foot = Text("program-first-foot")
        asks = (Text("program-first-asks"), Lines(scopes)) if scopes else ()
        return (head, *asks, *commands_of(installed, person, "program-first-commands"), foot)

    # --- what programs know -----------------------------------------------------------------------------------------

    def grants(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        lines = []
        for grant in grants.of_person(tx, person.id):
            installed = self._programs.by_id(tx, grant.program_id)
            if installed is None:
                continue
            about: dict[str, Any] = {
                "number": grant.number,
                "title": self._title(installed, person),
                "scope": scope_text(grant.scope),
                "verdict": grants.shown_verdict(grant),
                "until": "" if grant.expires_at is None else Time(grant.expires_at),
            }
            lines.append(Text("grants-line", about))
        if not lines:
            return Reply.text("grants-none")
        return Reply((Message((Text("grants-head"), Lines(tuple(lines)), Text("grants-howto"))),))

    def revoke(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        grant = grants.revoke(tx, person.id, request.args["number"])
        installed = None if grant is None else self._programs.by_id(tx, grant.program_id)
        if grant is None or installed is None:
            raise UserError("grants-no-number", number=request.args["number"])
        return Reply((Message((revoked_text(grant.scope, self._title(installed, person)),)),))

    def stop(self, request: Request) -> Reply:
        """No message comes by itself any more: from a program, or from any."""
        tx, person, name = request.tx, request.person, request.args.get("name")
        installed = None if name is None else self._named(request, name)
        stopped = grants.stop_messages(tx, person.id, None if installed is None else installed.id)
        if installed is None:
            return Reply.text("apps-stopped-all" if stopped else "apps-stop-none")
        title = self._title(installed, person)
        return Reply.text("apps-stopped" if stopped else "apps-stop-none-of", title=title)

    def decide(self, request: Request, question_id: int, option: str) -> Reply:
        """An answer to the question whether a program may know something."""
        tx, person = request.tx, request.person
        asked = asking.load(tx, person.id, question_id)
        session = None if asked is None else sessions.by_id(tx, asked.session_id)
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        verdict = next((one for one in VERDICTS if one == option), None)
        if session is None or installed is None or verdict is None or not session.is_open:
            raise UserError("program-closed-already")
        decided = asking.decide(tx, installed, person, question_id, verdict, self._limits.grant_days)
        if decided is None:
            raise UserError("program-closed-already")
        answered, scope, following = decided
        host = grants.server_of(scope)
        if host is not None:
            fetching.decided(tx, session, host, agreed=verdict != "never")
            self._awake(tx)
        if grants.runs_on(scope) is not None:
            if verdict == "never":
                remotely.drop(tx, session)
                sessions.end(tx, session)
            else:
                remotely.release(tx, session.id)
            self._awake(tx)
        if following is not None:
            return Reply((following,))
        if answered.effect is not None:
            sessions.tell(tx, session, person.id, "scope.result", answered.result, source_of(request))
            self._awake(tx)
        told = decided_text(verdict, scope, self._title(installed, person), installed.name)
        return Reply((Message((told,)),))

    # --- what left --------------------------------------------------------------------------------------------------

    def preview(self, request: Request) -> Reply:
        """The exact JSON that a program would be told if it was opened now."""
        tx, person = request.tx, request.person
        installed = self._named(request, request.args["name"])
        session = sessions.current(tx, spot_of(request))
        if session is None or session.in_room or session.program_id != installed.id:
            session = Session(0, installed.id, person.id, request.account, request.room.room_id, True)
        waiting = Waiting(0, session.id, person.id, "0" * 24, 0, "open", {"payload": None}, Source(), tx.now)
        about = About(installed, person, generation_of(tx, installed.id, person.id), Source(), 0)
        event = event_of(tx, session, about, waiting)
        if event is None:
            raise UserError("program-unavailable", title=self._title(installed, person))
        if avatar_of(tx, person.id, event.user.scopes) is not None:
            event = with_profile(event, {"avatar": "…"})
        head, *others = _parts(deliveries.shown(event))
        first = Message((Text("apps-preview-head", {"title": self._title(installed, person)}), head))
        return Reply(_with_foot([first, *(Message((one,)) for one in others)], Text("apps-preview-foot")))

    def sent(self, request: Request) -> Reply:
        """What programs were told, the newest first; all of it, page by page."""
        tx, person = request.tx, request.person
        name, page = request.args.get("name"), request.args.get("page", 1)
        if isinstance(name, int):
            name, page = None, name
        wanted = None if name is None else self._named(request, name)
        found = deliveries.newest(tx, person.id, None if wanted is None else wanted.id, deliveries.KEPT)
        pages = (message for one in found for message in self._told(tx, person, one))
        shown = list(islice(pages, (page - 1) * _SENT, page * _SENT + 1))
        if not shown:
            return Reply.text("apps-sent-none" if page == 1 else "apps-sent-end")
        if len(shown) <= _SENT:
            return Reply(tuple(shown))
        more = Text("apps-sent-more", {"name": "" if wanted is None else f"{wanted.name} ", "page": page + 1})
        return Reply(_with_foot(shown[:_SENT], more))

    def _told(self, tx: Tx, person: Person, one: deliveries.Delivery) -> Iterator[Message]:
        installed = self._programs.by_id(tx, one.program_id)
        title = "" if installed is None else self._title(installed, person)
        parts = _parts(one.event)
        for number, part in enumerate(parts, 1):
            head = "apps-sent-line" if len(parts) == 1 else "apps-sent-part"
            about: dict[str, Any] = {"title": title, "time": Time(one.at), "number": number, "count": len(parts)}
            yield Message((Text(head, about), part))

    # --- the rest ---------------------------------------------------------------------------------------------------

    def render(self, tx: Tx, person: Person, message_id: int) -> Message | None:
        """What a program said, as it is when it is sent."""
        said = messages.by_id(tx, message_id)
        session = None if said is None or said.person_id != person.id else sessions.by_id(tx, said.session_id)
        installed = None if session is None else self._programs.by_id(tx, session.program_id)
        if said is None or session is None or installed is None:
            return None
        return drawing.message(said, installed.manifest, person, in_room=session.in_room)

    def _named(self, request: Request, name: str) -> Installed:
        """A program that people may open. What is not allowed is as what is not there."""
        found = self._programs.by_name(request.tx, name)
        if found is None:
            there = self._programs.open_to_people(request.tx)
            called = [one for one in there if _is_called(one, name)] or [one for one in there if _contains(one, name)]
            found = called[0] if len(called) == 1 else None
        if found is None or not self._programs.is_open_to_people(found):
            raise UserError("program-unknown", name=name)
        return found

    @staticmethod
    def _title(installed: Installed, person: Person) -> str:
        return in_language(installed.manifest.title, person.language)

    def _awake(self, tx: Tx) -> None:
        if self._host is not None:
            tx.after_commit(self._host.wake)


def _is_called(one: Installed, name: str) -> bool:
    """Whether that is its title, in whatever language."""
    return name.casefold() in _titles(one)


def _contains(one: Installed, name: str) -> bool:
    """Whether that is a part of it that could not be anything."""
    return len(name) > 1 and any(name.casefold() in title for title in _titles(one))


def _titles(one: Installed) -> list[str]:
    title = one.manifest.title
    return [text.casefold() for text in ([title] if isinstance(title, str) else title.values())]


def _searched(one: Installed, person: Person) -> str:
    manifest = one.manifest
    texts = (manifest.title, manifest.description)
    return " ".join((one.name, *(in_language(text, person.language) for text in texts))).casefold()


def _parts(text: str) -> list[Written]:
    """A text to the letter, cut where one message can't take more."""
    size = _PART if _ticks(text) < _PART // 3 else _PART // 2  # what stands around it is longer than any in it
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    fences = ["`" * max(3, _ticks(part) + 1) for part in parts]
    return [Written(f"{fence}\n{part}\n{fence}") for fence, part in zip(fences, parts, strict=True)]


def _ticks(text: str) -> int:
    """Backticks in a row, at the most."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _with_foot(messages: Sequence[Message], foot: Text) -> tuple[Message, ...]:
    *others, last = messages
    return (*others, replace(last, blocks=(*last.blocks, foot)))


def build(programs: Programs, allowances: Allowances, limits: ProgramsConfig, people: People) -> Parts:
    talk = Talk(programs, allowances, people)
    do = _Commands(programs, talk, allowances, limits)
    optional = Param("name", (Kind.WORD,), required=False)
    told = (Param("name", (Kind.NUMBER, Kind.WORD), required=False), Param("page", (Kind.NUMBER,), required=False))
    commands = [
        Command("apps", (), do.listed, effect=False, group=GROUP),
        Command("apps search", (Param("words", (Kind.REST,)),), do.search, effect=False, group=GROUP),
        Command("apps mine", (), do.mine, effect=False, group=GROUP),
        Command("close", (), do.close, group=GROUP, aloud=True),
        Command("grants", (), do.grants, effect=False, group=GROUP),
        Command("revoke", (Param("number", (Kind.NUMBER,)),), do.revoke, group=GROUP),
        Command("apps preview", (_NAME,), do.preview, effect=False, group=GROUP),
        Command("apps sent", told, do.sent, effect=False, group=GROUP),
        Command("apps reset", (_NAME,), do.reset, group=GROUP),
        Command("apps stop", (optional,), do.stop, group=GROUP),
    ]
    hooks = Hooks(
        on_reply={COPY: talk.on_reply, QUESTION: talk.on_answer},
        on_choice={asking.KIND: do.decide},
        menus=frozenset({asking.KIND}),
        talk=talk,
    )
    return Parts(commands, hooks, {COPY: do.render}, talk, do.open)
