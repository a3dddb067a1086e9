"""What a program is told. Nothing in an event names a person, a room or a message, beyond what was granted or typed."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue, StringConstraints

from bridge.miniprograms.values import EffectId, Id, KvKey, Locale, Name, Scope, Seconds, Space, Value

MAX_TYPED = 4000
MAX_PAYLOAD = 500

MAX_AVATAR = 16_000
Profile: TypeAlias = dict[
    Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")],
    Annotated[str, StringConstraints(max_length=MAX_AVATAR)],
]


class User(Value):
    """Who it is: an id that only this program has for them, in this installation."""

    id: Id
    scopes: tuple[Scope, ...] = Field(default=(), max_length=20, description="What this person has granted.")
    profile: Profile = Field(
        default_factory=dict,
        max_length=20,
        description="Exactly the fields that were granted. `avatar` is the picture itself, at most 96 pixels wide and"
        " high, as base64.",
    )


class Chat(Value):
    """Where it is: an id that only this program has for it, in this installation."""

    id: Id
    kind: Literal["dm", "room"]


class _Event(Value):
    v: Literal[1] = 1
    id: Id = Field(description="Of this event. It may come again with the same id, and changes nothing then.")
    now: Seconds = Field(description="The only clock there is.")
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = Field(
        description="The only source of chance: Math.random follows from it."
    )
    locale: Locale
    user: User
    chat: Chat
    state: JsonValue = Field(default=None, description="What the last answer in this session said; null at first.")


class Opened(Value):
    payload: Annotated[str, StringConstraints(max_length=MAX_PAYLOAD)] | None = Field(
        default=None, description="What stood behind `open NAME`."
    )


class Command(Value):
    name: Name
    args: dict[Name, str | int | float | bool | None] = Field(
        default_factory=dict, description="As the manifest declares them; null for one that was left out."
    )


class Typed(Value):
    text: Annotated[str, StringConstraints(max_length=MAX_TYPED)]


class Chosen(Value):
    key: Name | None = Field(default=None, description="The message that had the choices.")
    choice: Name


class Filled(Value):
    form: Name
    values: dict[Name, str | int | float | bool | None] | None = Field(
        description="By the names of the fields; null when the person left the form."
    )


class _Result(Value):
    effect: EffectId
    tag: Name


class Fetched(_Result):
    ok: bool = Field(description="Whether there was an answer at all, whatever its status.")
    status: int | None = Field(default=None, ge=100, le=599)
    headers: dict[str, str] = Field(default_factory=dict, description="content-type and etag, when there are any.")
    body: str | None = None
    error: Literal["refused", "timeout", "too_large", "unreachable", "unreadable", "quota"] | None = None


class Stored(Value):
    value: JsonValue
    version: int = Field(
        ge=0, description="Another one after each change, never again the same; 0: there is no such value."
    )


class Kept(_Result):
    op: Literal["get", "set", "del"]
    space: Space
    ok: bool
    error: Literal["conflict", "quota"] | None = None
    items: dict[KvKey, Stored] = Field(description="What is stored now, by key.")


class Granted(_Result):
    granted: tuple[Scope, ...]
    denied: tuple[Scope, ...]


class Rung(Value):
    tag: Name
    payload: JsonValue = None


class Closed(Value):
    reason: Literal["user", "idle", "left"] = Field(
        description="Closed by the person, by silence, or the person left for good."
    )


class OpenEvent(_Event):
    type: Literal["open"] = "open"
    data: Opened


class CommandEvent(_Event):
    type: Literal["command"] = "command"
    data: Command


class TextEvent(_Event):
    type: Literal["text"] = "text"
    data: Typed


class ChoiceEvent(_Event):
    type: Literal["choice"] = "choice"
    data: Chosen


class FormEvent(_Event):
    type: Literal["form"] = "form"
    data: Filled


class FetchResultEvent(_Event):
    type: Literal["fetch.result"] = "fetch.result"
    data: Fetched


class KvResultEvent(_Event):
    type: Literal["kv.result"] = "kv.result"
    data: Kept


class ScopeResultEvent(_Event):
    type: Literal["scope.result"] = "scope.result"
    data: Granted


class TimerEvent(_Event):
    type: Literal["timer"] = "timer"
    data: Rung


class CloseEvent(_Event):
    """The last one: only kv effects and log are performed."""

    type: Literal["close"] = "close"
    data: Closed


Event: TypeAlias = Annotated[
    OpenEvent
    | CommandEvent
    | TextEvent
    | ChoiceEvent
    | FormEvent
    | FetchResultEvent
    | KvResultEvent
    | ScopeResultEvent
    | TimerEvent
    | CloseEvent,
    Field(discriminator="type"),
]
