"""What a program may ask its host for. Each is checked here, and against the manifest in `answer.py`."""

from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import Field, JsonValue, StringConstraints, model_validator

from bridge.miniprograms.ui import Content, Url
from bridge.miniprograms.values import KvKey, Name, Scope, Space, Value

MAX_TIMER_SECONDS = 366 * 86_400
MAX_KEYS = 20
MAX_TIMERS = 20
"""Of one session; a further one takes the place of the one that rings last."""
MAX_BODY = 32_768


class UiSend(Content):
    """Say something."""

    type: Literal["ui.send"]
    key: Name | None = Field(default=None, description="Names the message, so that ui.update finds it again.")
    to: Literal["chat", "user"] = Field(
        default="chat", description="The chat that the program was opened in, or this person alone, in their own chat."
    )


class UiUpdate(Content):
    """Change a message that this session has sent."""

    type: Literal["ui.update"]
    key: Name


class KvGet(Value):
    """Read stored values. A `kv.result` event brings them."""

    type: Literal["kv.get"]
    tag: Name
    space: Space
    keys: tuple[KvKey, ...] = Field(min_length=1, max_length=MAX_KEYS)


class KvSet(Value):
    """Store a value, together with the new state."""

    type: Literal["kv.set"]
    space: Space
    key: KvKey
    value: JsonValue
    if_version: int | None = Field(
        default=None,
        ge=0,
        description="Store it only if the value has this version, as kv.get told it; 0: only if there is none.",
    )
    tag: Name | None = Field(default=None, description="Given: a `kv.result` event tells how it went.")

    @model_validator(mode="after")
    def _told(self) -> "KvSet":
        return _needs_tag(self)


class KvDel(Value):
    """Forget a value."""

    type: Literal["kv.del"]
    space: Space
    key: KvKey
    if_version: int | None = Field(default=None, ge=1)
    tag: Name | None = None

    @model_validator(mode="after")
    def _told(self) -> "KvDel":
        return _needs_tag(self)


class Fetch(Value):
    """Ask a server on one of the domains of the manifest. A `fetch.result` event brings its answer."""

    type: Literal["fetch"]
    tag: Name
    url: Url
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,39}$")],
        Annotated[str, StringConstraints(pattern=r"^[\x20-\x7E]{0,500}$")],
    ] = Field(default_factory=dict, max_length=10)
    body: Annotated[str, StringConstraints(max_length=MAX_BODY)] | None = None

    @model_validator(mode="after")
    def _plain(self) -> "Fetch":
        if self.method == "GET" and self.body is not None:
            raise ValueError("a GET has no body")
        if any(name.lower() not in _HEADERS and not name.lower().startswith("x-") for name in self.headers):
            raise ValueError(f"the only headers are {', '.join(sorted(_HEADERS))} and those that begin with x-")
        return self


_HEADERS = {"accept", "accept-language", "authorization", "content-type", "idempotency-key", "if-none-match"}


class ScopeRequest(Value):
    """Ask the person for something of theirs. The host asks, with the purposes of the manifest."""

    type: Literal["scope.request"]
    tag: Name
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=10)


class TimerSet(Value):
    """Be called later; the person has to agree to messages that follow. A timer of the same tag is replaced."""

    type: Literal["timer.set"]
    tag: Name
    after: int | None = Field(ge=1, le=MAX_TIMER_SECONDS, description="In seconds; null takes the timer back.")
    payload: JsonValue = None


class SessionEnd(Value):
    """Close the program in this chat, after all that stands before it."""

    type: Literal["session.end"]


class Log(Value):
    """A line for the developer: shown by the tools, kept nowhere else."""

    type: Literal["log"]
    text: Annotated[str, StringConstraints(max_length=1000)]


Effect: TypeAlias = Annotated[
    UiSend | UiUpdate | KvGet | KvSet | KvDel | Fetch | ScopeRequest | TimerSet | SessionEnd | Log,
    Field(discriminator="type"),
]

EFFECTS: dict[str, type[Value]] = {
    "ui.send": UiSend,
    "ui.update": UiUpdate,
    "kv.get": KvGet,
    "kv.set": KvSet,
    "kv.del": KvDel,
    "fetch": Fetch,
    "scope.request": ScopeRequest,
    "timer.set": TimerSet,
    "session.end": SessionEnd,
    "log": Log,
}
"""Every type of effect, and its model."""


_Change = TypeVar("_Change", KvSet, KvDel)


def _needs_tag(effect: _Change) -> _Change:
    if effect.if_version is not None and effect.tag is None:
        raise ValueError("if_version needs a tag: the kv.result event tells whether somebody was faster")
    return effect
