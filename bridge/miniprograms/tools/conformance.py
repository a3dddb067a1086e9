"""What every program has to stand: the public suite that `courtyard mp conformance` runs."""

import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from bridge.miniprograms import events
from bridge.miniprograms.events import Event
from bridge.miniprograms.manifest import Argument, ProgramCommand
from bridge.miniprograms.program import Handled, Program, Runtime, Trapped
from bridge.miniprograms.strict_json import MAX_INTEGER, dump
from bridge.miniprograms.tools.recording import came_to

TEXTS = (
    "", " ", "hello", "0", "-1", "x" * 4000, "@everyone <b>bold</b> [a](https://example.org)", "你好，世界", "שלום",
    "👩‍👩‍👧‍👦" * 20, "\\\"'`${}", "null", "a\nb\tc", "constructor", "__proto__",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    check: str
    fault: str | None
    """What went wrong; None: nothing."""


@dataclass(frozen=True, slots=True)
class _Subject:
    program: Program
    runtime: Runtime
    locale: str = "en"
    """Of all ids: a server may know those of the last time."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def give(self, event: Event) -> Handled:
        return await self.runtime.handle(self.program, event)

    def about(self, identity: str, state: JsonValue = None) -> dict[str, Any]:
        return _about(f"{next(self.numbers)}-{identity}", self.locale, state)

    async def opened(self) -> JsonValue:
        """The state after opening."""
        handled = await self.give(events.OpenEvent(**self.about("open"), data=events.Opened()))
        return handled.answer.state


class _Wrong(Exception):
    """A check that did not hold."""


async def run(
    program: Program,
    runtime: Runtime,
    further: Mapping[str, Callable[[], Awaitable[str | None]]] | None = None,
) -> list[Result]:
    """Every check, in order; none keeps another from running. `further`: of this program alone; each gives what went
    wrong."""
    subject = _Subject(program, runtime, program.manifest.languages[0])
    results = []
    for name, check in _CHECKS.items():
        try:
            await check(subject)
        except (Trapped, _Wrong) as error:
            results.append(Result(name, str(error)))
        else:
            results.append(Result(name, None))
    return results + [Result(name, await check()) for name, check in (further or {}).items()]


def opening(program: Program, identity: str) -> Event:
    """Somebody opens it."""
    return events.OpenEvent(**_about(identity, program.manifest.languages[0], None), data=events.Opened())


def _about(identity: str, locale: str, state: JsonValue) -> dict[str, Any]:
    return {
        "id": identity,
        "now": 1_767_268_800,
        "seed": "0123456789abcdef0123456789abcdef",
        "locale": locale,
        "user": events.User(id="uconformance"),
        "chat": events.Chat(id="cconformance", kind="dm"),
        "state": state,
    }


async def _opens(subject: _Subject) -> None:
    handled = await subject.give(events.OpenEvent(**subject.about("open"), data=events.Opened()))
    if not handled.answer.effects:
        raise _Wrong("it answered open with no effect: people see nothing")


async def _opens_with_payload(subject: _Subject) -> None:
    for payload in ("", "x", "invite/42?a=b", "\U0001f600" * 100):
        await subject.give(events.OpenEvent(**subject.about("open"), data=events.Opened(payload=payload)))


async def _speaks_languages(subject: _Subject) -> None:
    for locale in (*subject.program.manifest.languages, "xx", "en-GB"):
        other = replace(subject, locale=locale)
        await other.give(events.OpenEvent(**other.about("open"), data=events.Opened()))


async def _is_reproducible(subject: _Subject) -> None:
    event = events.OpenEvent(**subject.about("open"), data=events.Opened())
    first = dump(came_to(await subject.give(event)))
    await subject.give(events.TextEvent(**subject.about("between"), data=events.Typed(text="between")))
    if dump(came_to(await subject.give(event))) != first:
        raise _Wrong("the same event came to something else the second time")


async def _takes_text(subject: _Subject) -> None:
    state = await subject.opened()
    for number, text in enumerate(TEXTS):
        handled = await subject.give(
            events.TextEvent(**subject.about(f"text-{number}", state), data=events.Typed(text=text))
        )
        state = handled.answer.state


async def _stands_without_state(subject: _Subject) -> None:
    await subject.give(events.TextEvent(**subject.about("text"), data=events.Typed(text="hello")))
    await subject.give(events.ChoiceEvent(**subject.about("choice"), data=events.Chosen(choice="a")))


async def _takes_commands(subject: _Subject) -> None:
    state = await subject.opened()
    for command in subject.program.manifest.commands:
        for args in _arguments(command):
            data = events.Command(name=command.name, args=args)
            await subject.give(events.CommandEvent(**subject.about("command", state), data=data))


def _arguments(command: ProgramCommand) -> list[dict[str, Any]]:
    """Each argument at its ends, and all that may be left out left out."""
    samples = [{argument.name: _samples(argument)[0] for argument in command.arguments}]
    samples += [
        {**samples[0], argument.name: sample} for argument in command.arguments for sample in _samples(argument)[1:]
    ]
    samples.append({a.name: _samples(a)[0] if a.required else None for a in command.arguments})
    return samples


def _samples(argument: Argument) -> list[Any]:
    if argument.type == "choice":
        return [choice.id for choice in argument.choices or ()]
    samples: dict[str, list[Any]] = {
        "text": list(TEXTS[2:]),
        "integer": [1, 0, -1, MAX_INTEGER, -MAX_INTEGER],
        "number": [1.5, 0, -1, 1e15],
        "boolean": [True, False],
        "date": [1_767_268_800, 0],
    }
    return samples[argument.type]


async def _takes_what_it_did_not_ask_for(subject: _Subject) -> None:
    state = await subject.opened()

    def about() -> dict[str, Any]:
        return subject.about("stray", state)

    effect: dict[str, Any] = {"effect": "e0:0", "tag": "stray"}
    for event in (
        events.ChoiceEvent(**about(), data=events.Chosen(key="stray", choice="stray")),
        events.FormEvent(**about(), data=events.Filled(form="stray", values=None)),
        events.FormEvent(**about(), data=events.Filled(form="stray", values={"stray": 1})),
        events.FetchResultEvent(**about(), data=events.Fetched(**effect, ok=False, error="timeout")),
        events.FetchResultEvent(**about(), data=events.Fetched(**effect, ok=True, status=500, body="<html>")),
        events.KvResultEvent(**about(), data=events.Kept(**effect, op="get", space="chat", ok=True, items={})),
        events.KvResultEvent(
            **about(), data=events.Kept(**effect, op="set", space="chat", ok=False, error="conflict", items={})
        ),
        events.ScopeResultEvent(**about(), data=events.Granted(**effect, granted=(), denied=("profile.name",))),
        events.TimerEvent(**about(), data=events.Rung(tag="stray", payload={"a": [1]})),
    ):
        await subject.give(event)


async def _closes(subject: _Subject) -> None:
    state = await subject.opened()
    reason: Any
    for reason in ("user", "idle", "left"):
        await subject.give(events.CloseEvent(**subject.about("close", state), data=events.Closed(reason=reason)))


_CHECKS: dict[str, Callable[[_Subject], Awaitable[None]]] = {
    "it opens, and shows something": _opens,
    "it opens with any payload": _opens_with_payload,
    "it opens in every language, and in one that it does not speak": _speaks_languages,
    "the same event comes to the same, whatever came between": _is_reproducible,
    "it stands any text": _takes_text,
    "it stands a session without state": _stands_without_state,
    "it stands every command with every kind of argument": _takes_commands,
    "it stands results and choices that it did not ask for": _takes_what_it_did_not_ask_for,
    "it closes": _closes,
}
