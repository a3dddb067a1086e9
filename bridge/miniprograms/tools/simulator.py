"""A host without a homeserver: one program, one chat, and as many people as one likes. Everything is in memory.

It performs effects by the rules of the contract, in the same order each time; chance and time are given.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Literal

from pydantic import JsonValue

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import effects, pseudonym, typed
from bridge.miniprograms.answer import Wanted
from bridge.miniprograms.events import (
    Chat,
    ChoiceEvent,
    Chosen,
    Closed,
    CloseEvent,
    Command,
    CommandEvent,
    Event,
    Fetched,
    FetchResultEvent,
    Filled,
    FormEvent,
    Granted,
    Kept,
    KvResultEvent,
    Opened,
    OpenEvent,
    Rung,
    ScopeResultEvent,
    TextEvent,
    TimerEvent,
    Typed,
    User,
)
from bridge.miniprograms.program import Handled, Program, Runtime, Trapped
from bridge.miniprograms.storage import Share, SpaceOfOne
from bridge.miniprograms.typed import Misread
from bridge.miniprograms.ui import Content, Form, Picture

IDLE_SECONDS = 24 * 3600
"""After which a program in which nothing happens is closed, unless a timer is set."""
CHAIN = 10
"""Events that may follow from each other without anybody doing anything."""
_KEY = b"the key of every simulator there"


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a server would answer."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the world is like."""

    kind: Literal["dm", "room"] = "dm"
    locale: str = "en"
    now: int = 1_767_268_800
    """2026-01-01 12:00 UTC."""
    seed: str = "simulator"
    grants: frozenset[str] = frozenset()
    """Scopes that everybody grants when they are asked."""
    profile: Mapping[str, str] = field(default_factory=lambda: {"name": "Sam", "region": "Berlin"})
    fetches: Mapping[str, Fetch] = field(default_factory=dict)
    """By URL. All other servers can't be reached."""


@dataclass(frozen=True, slots=True)
class Output:
    """Something that people see."""

    person: str | None
    """Who sees it; None: the whole chat."""
    content: Content | None = None
    note: str = ""
    """Without content: what the host itself says."""
    updates: bool = False
    """It takes the place of an earlier message."""
    trap: bool = False
    """The event came to nothing; `note` says why. People are told less."""


@dataclass(slots=True)
class _Asked:
    """A form that somebody is filling in."""

    form: Form
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Timer:
    due: int
    person: str
    payload: JsonValue


NOTIFY, SUBSCRIBE = "notify", "subscribe"
_DEFAULTS = MiniProgramsConfig()

Seen = Callable[[Event, Handled | Trapped], None]


class Simulator:
    """One program, opened in one chat.

    Args:
        limits: how much the program may store.
        seen: called for each event and what it came to, before anything is performed.
    """

    def __init__(
        self,
        program: Program,
        runtime: Runtime,
        settings: Settings,
        seen: Seen = lambda event, handled: None,
        limits: MiniProgramsConfig = _DEFAULTS,
    ) -> None:
        self.program = program
        self.now = settings.now
        self.locale = settings.locale
        self.is_open = False
        self._runtime = runtime
        self._settings = settings
        self._limits = limits
        self._seen = seen
        self._state: JsonValue = None
        self._count = 0
        self._spaces: dict[tuple[str, str], SpaceOfOne] = {}
        self._shares: dict[str, Share] = {}
        self._granted: dict[str, set[str]] = {}
        self._messages: dict[str, str | None] = {}
        """Who reads a message; None: all."""
        self._offer: dict[str | None, tuple[str | None, Content]] = {}
        self._forms: dict[str, _Asked] = {}
        self._timers: dict[str, _Timer] = {}
        self._used = settings.now
        self._last: str | None = None
        """When somebody did something, and who."""
        self._whose: str | None = None
        """Whose chat it is, if it is that of one person."""
        self._agreed: set[str] = set()
        """Who has agreed to one message later."""
        self._pushes = 0
        """Messages that the program may send by itself."""
        self._by_itself = False
        """Nobody does anything just now: a timer rings."""
        self._outputs: list[Output] = []

    async def open(self, person: str, payload: str | None = None) -> list[Output]:
        """`open NAME [payload]`. In a room everybody who takes part opens it."""
        if self._is_elsewhere(person):
            return self._said()
        if not self.is_open:
            self._state = None  # another session
        self.is_open = True
        await self._happened(OpenEvent(**self._about(person), data=Opened(payload=payload)), person)
        return self._said()

    async def close(self, person: str) -> list[Output]:
        """`close`."""
        if self._is_elsewhere(person):
            return self._said()
        if self.is_open:
            self._end()
            await self._happened(CloseEvent(**self._about(person), data=Closed(reason="user")), person)
            self._tell(person, "The program is closed.")
        return self._said()

    async def wait(self, seconds: int) -> list[Output]:
        """Let time pass; timers ring when they are due, for those who agreed to that."""
        until = self.now + seconds
        while True:
            due = sorted((timer.due, tag) for tag, timer in self._timers.items() if timer.due <= until)
            if not due:
                await self._fall_asleep(until)
                break
            self.now, tag = due[0]
            timer = self._timers.pop(tag)
            if SUBSCRIBE not in self._granted.get(timer.person, ()):
                if timer.person not in self._agreed:
                    self._tell(timer.person, f"(The timer {tag} does not ring: nobody agreed to messages that follow.)")
                    continue
                self._agreed.discard(timer.person)  # one yes is for one message
            self._pushes += 1
            self._by_itself = True
            event = TimerEvent(**self._about(timer.person), data=Rung(tag=tag, payload=timer.payload))
            await self._happened(event, timer.person)
            self._by_itself = False
        self.now = until
        return self._said()

    async def _fall_asleep(self, until: int) -> None:
        """Close the program if nothing happens in it for too long."""
        person = self._last
        if not self.is_open or person is None or self._timers or self._used + IDLE_SECONDS >= until:
            return
        self.now = max(self.now, self._used + IDLE_SECONDS + 1)
        self._end()
        await self._happened(CloseEvent(**self._about(person), data=Closed(reason="idle")), person)
        self._tell(person, "(The program is closed: nothing happened in it for a day.)")

    async def type(self, person: str, line: str) -> list[Output]:
        """What somebody types while the program is open: an answer to a form, a choice, a command, or text."""
        if self._is_elsewhere(person):
            return self._said()
        if not self.is_open:
            self._tell(person, "No program is open.")
            return self._said()
        event = self._event_of(person, line)
        if event is not None:
            await self._happened(event, person)
        return self._said()

    def _is_elsewhere(self, person: str) -> bool:
        """Whether this is the own chat of somebody else, who is told so."""
        if self._settings.kind == "room":
            return False
        self._whose = self._whose or person
        if person == self._whose:
            return False
        self._tell(person, f"(This is the own chat of {self._whose}; with --room it is one of several people.)")
        return True

    # --- from what was typed to an event ---------------------------------------------------------------------

    def _event_of(self, person: str, line: str) -> Event | None:
        asked = self._forms.get(person)
        if asked is not None:
            return self._answered(person, asked, line.strip())
        for whose in (person, None):
            if whose in self._offer:
                key, content = self._offer[whose]
                choice = typed.picked(content.choices or (), line)
                if choice is not None:
                    return ChoiceEvent(**self._about(person), data=Chosen(key=key, choice=choice))
        word, _, rest = line.strip().partition(" ")
        command = self.program.manifest.command(word.casefold())
        if command is None:
            return TextEvent(**self._about(person), data=Typed(text=line[:4000]))
        try:
            given = typed.arguments(command, rest, UTC)
        except Misread as misread:
            self._tell(person, explained(misread))
            return None
        return CommandEvent(**self._about(person), data=Command(name=command.name, args=given))

    def _answered(self, person: str, asked: _Asked, line: str) -> Event | None:
        form = asked.form
        if line.casefold() == "cancel":
            del self._forms[person]
            return FormEvent(**self._about(person), data=Filled(form=form.name, values=None))
        if line.casefold() == "back":
            if asked.values:
                asked.values.popitem()
        else:
            current = form.fields[len(asked.values)]
            if line == "-" and not current.required:
                asked.values[current.name] = None
            else:
                try:
                    asked.values[current.name] = typed.value(typed.kind_of(current), line, UTC, current.label)
                except Misread as misread:
                    self._tell(person, explained(misread))
        if len(asked.values) < len(form.fields):
            self._ask(person, asked)
            return None
        del self._forms[person]
        return FormEvent(**self._about(person), data=Filled(form=form.name, values=dict(asked.values)))

    def _ask(self, person: str, asked: _Asked) -> None:
        current = asked.form.fields[len(asked.values)]
        options = typed.kind_of(current).choices
        listed = "".join(f"\n  {number}. {choice.label}" for number, choice in enumerate(options, 1))
        hint = "" if current.required else " (- to leave it out)"
        self._tell(person, f"{current.label}{hint}{listed}")

    # --- one event and what follows --------------------------------------------------------------------------

    def _about(self, person: str) -> dict[str, Any]:
        self._count += 1
        chat = "the room" if self._settings.kind == "room" else f"with {person}"
        identity = f"e{self._count}"
        scopes = sorted(self._scopes(person))
        fields = [scope.removeprefix("profile.") for scope in scopes if scope.startswith("profile.")]
        return {
            "id": identity,
            "now": self.now,
            "seed": pseudonym.seed(_KEY, f"{self._settings.seed}/{identity}"),
            "locale": self.locale,
            "user": User(
                id=self.user_id(person),
                scopes=tuple(scopes),
                profile={name: self._settings.profile[name] for name in fields if name in self._settings.profile},
            ),
            "chat": Chat(id=pseudonym.chat_id(_KEY, chat), kind=self._settings.kind),
            "state": self._state,
        }

    def user_id(self, person: str) -> str:
        """The id under which the program knows somebody."""
        return pseudonym.user_id(_KEY, person, room="the room" if self._settings.kind == "room" else None)

    async def _happened(self, event: Event, person: str) -> None:
        """Give the program the event, and then each that follows from its effects."""
        self._used, self._last = self.now, person
        waiting: deque[Event] = deque([event])
        for turn in range(CHAIN + 1):
            if not waiting:
                return
            if turn == CHAIN:
                self._tell(person, f"The program was stopped: {CHAIN} events followed from each other.")
                self._end()
                return
            current = waiting.popleft()
            current = current.model_copy(update={"state": self._state})
            try:
                handled = await self._runtime.handle(self.program, current)
            except Trapped as trapped:
                self._seen(current, trapped)
                self._outputs.append(Output(None, note=str(trapped), trap=True))
                return
            self._seen(current, handled)
            self._state = handled.answer.state
            for wanted in handled.answer.effects:
                following = self._perform(wanted, person)
                if following is not None:
                    waiting.append(following)

    def _perform(self, wanted: Wanted, person: str) -> Event | None:
        effect = wanted.effect
        if isinstance(effect, effects.UiSend | effects.UiUpdate):
            self._show(effect, person)
            error = self._picture_error(effect.picture)
            if error is not None:
                failed = Fetched(effect=wanted.id, tag="picture", ok=False, error=error)
                return FetchResultEvent(**self._about(person), data=failed)
        elif isinstance(effect, effects.SessionEnd):
            self._end()
            self._tell(person, "The program has ended.")
        elif isinstance(effect, effects.TimerSet):
            self._set_timer(effect, person)
        elif isinstance(effect, effects.KvGet | effects.KvSet | effects.KvDel):
            return self._store(wanted.id, effect, person)
        elif isinstance(effect, effects.ScopeRequest):
            # In rooms nothing is granted: see docs/mini-programs.md.
            grants = self._grants()
            held = self._scopes(person)
            if self._by_itself:
                grants = held  # who does nothing just now is asked nothing
            granted = tuple(scope for scope in effect.scopes if scope in grants or scope in held)
            self._granted.setdefault(person, set()).update(set(granted) - {NOTIFY})
            self._agreed |= {person} if NOTIFY in granted else set()
            denied = tuple(scope for scope in effect.scopes if scope not in granted)
            answered = Granted(effect=wanted.id, tag=effect.tag, granted=granted, denied=denied)
            return ScopeResultEvent(**self._about(person), data=answered)
        elif isinstance(effect, effects.Fetch):
            return FetchResultEvent(**self._about(person), data=self._fetched(wanted.id, effect))
        return None

    def _grants(self) -> frozenset[str]:
        """What people agree to here when they are asked."""
        return self._settings.grants if self._settings.kind == "dm" else frozenset()

    def _scopes(self, person: str) -> frozenset[str]:
        return frozenset(self._granted.get(person, ())) | ({NOTIFY} if person in self._agreed else frozenset())

    def _set_timer(self, effect: effects.TimerSet, person: str) -> None:
        if self._settings.kind == "room":
            return  # nobody there has agreed to messages that follow
        self._timers.pop(effect.tag, None)
        if effect.after is None:
            return
        while len(self._timers) >= effects.MAX_TIMERS:
            del self._timers[max(self._timers, key=lambda tag: self._timers[tag].due)]
        self._timers[effect.tag] = _Timer(self.now + effect.after, person, effect.payload)
        asks = NOTIFY in self.program.manifest.scopes and SUBSCRIBE not in self._scopes(person)
        if asks and not self._by_itself and NOTIFY in self._grants():
            self._agreed.add(person)

    def _show(self, effect: effects.UiSend | effects.UiUpdate, person: str) -> None:
        updates = isinstance(effect, effects.UiUpdate)
        reader = person if isinstance(effect, effects.UiSend) and effect.to == "user" else None
        if self._by_itself and not updates:
            if self._pushes < 1:
                return  # one ring is for one message
            self._pushes -= 1
        if effect.key is not None:
            if updates and effect.key not in self._messages:
                self._tell(person, f"(ui.update: there is no message {effect.key}; it is not shown)")
                return
            # What one person was shown alone stays theirs when it is changed, whoever did something.
            reader = self._messages[effect.key] if updates else reader
            self._messages[effect.key] = reader
            self._offer = {who: offer for who, offer in self._offer.items() if offer[0] != effect.key}
        whose = reader or (person if effect.chooser == "user" else None)
        if effect.choices:
            self._offer[whose] = (effect.key, effect)
        elif not updates:
            self._offer.pop(whose, None)
        self._outputs.append(Output(reader, effect, updates=updates))
        if effect.form is not None and not self._by_itself:
            self._forms[person] = _Asked(effect.form)
            self._ask(person, self._forms[person])

    def _store(
        self, identity: str, effect: effects.KvGet | effects.KvSet | effects.KvDel, person: str
    ) -> KvResultEvent | None:
        alone = self._settings.kind == "dm"
        owner = {"person": person, "chat": person if alone else "the chat", "program": ""}[effect.space]
        share = self._shares.setdefault(owner if alone else f"{effect.space} {owner}", Share())
        space = self._spaces.setdefault((effect.space, owner), SpaceOfOne(share))
        refusal = None if isinstance(effect, effects.KvGet) else space.change(effect, self._limits)
        if effect.tag is None:
            return None
        kept = Kept(
            effect=identity,
            tag=effect.tag,
            op=effect.type.removeprefix("kv."),  # type: ignore[arg-type]
            space=effect.space,
            ok=refusal is None,
            error=refusal,
            items=space.read(effect),
        )
        return KvResultEvent(**self._about(person), data=kept)

    def _picture_error(self, picture: Picture | None) -> Literal["refused", "unreachable", "unreadable"] | None:
        """Why a picture on a server could not be shown."""
        if picture is None or picture.url is None:
            return None
        if self._settings.kind == "room":
            return "refused"
        answer = self._settings.fetches.get(picture.url)
        return "unreachable" if answer is None else None if answer.status == 200 else "unreadable"

    def _fetched(self, identity: str, effect: effects.Fetch) -> Fetched:
        if self._settings.kind == "room":
            return Fetched(effect=identity, tag=effect.tag, ok=False, error="refused")  # nobody agrees there
        answer = self._settings.fetches.get(effect.url)
        if answer is None:
            return Fetched(effect=identity, tag=effect.tag, ok=False, error="unreachable")
        return Fetched(
            effect=identity,
            tag=effect.tag,
            ok=True,
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body,
        )

    # --- telling ---------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self.is_open = False
        self._forms.clear()
        self._offer.clear()
        self._timers.clear()
        self._agreed.clear()
        self._pushes = 0

    def _tell(self, person: str, note: str) -> None:
        self._outputs.append(Output(person, note=note))

    def _said(self) -> list[Output]:
        said, self._outputs = self._outputs, []
        return said


def explained(misread: Misread) -> str:
    """What was wrong with what was typed, in plain words."""
    bound = int(misread.bound) if misread.bound == int(misread.bound) else misread.bound
    return {
        "missing": f"{misread.what} is missing.",
        "extra": "That is more than the command takes.",
        "integer": f"{misread.what} should be a whole number.",
        "number": f"{misread.what} should be a number.",
        "boolean": f"{misread.what} should be yes or no.",
        "choice": f"{misread.what} should be one of the choices.",
        "date": f"{misread.what} should be a date, like 2026-03-01 or 2026-03-01 18:30.",
        "long": f"{misread.what} should have at most {bound} characters.",
        "small": f"{misread.what} should be at least {bound}.",
        "large": f"{misread.what} should be at most {bound}.",
    }[misread.reason]
