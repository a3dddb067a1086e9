"""What a program answers is checked exactly: each fault has its place, and nothing else gets through."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import answer, schemas
from bridge.miniprograms.effects import EFFECTS
from bridge.miniprograms.events import Closed, CloseEvent, Event
from bridge.miniprograms.faults import Faulty
from tests.sandbox.made import manifest, opened

LIMITS = MiniProgramsConfig()
MANIFEST = manifest(scopes={"profile.name": "To greet you."}, domains=("api.example.org",))

ANSWER_SCHEMA = jsonschema.Draft202012Validator(json.loads(dict(schemas.documents())["answer.schema.json"]))

VALID: list[dict[str, Any]] = [
    {"type": "ui.send", "text": "**hi**"},
    {"type": "ui.send", "text": "Due {sum}", "values": {"sum": {"money": {"amount": 1250, "currency": "EUR"}}}},
    {"type": "ui.send", "key": "menu", "to": "user", "choices": [{"id": "a", "label": "A"}, {"id": "2", "label": "B"}]},
    {"type": "ui.send", "picture": {"alt": "a ticket", "qr": "T-1"}},
    {"type": "ui.send", "picture": {"alt": "a cat", "url": "https://api.example.org/cat.png"}},
    {"type": "ui.send", "table": {"columns": [{"label": "Dish"}, {"align": "end"}], "rows": [["Soup", 3]]}},
    {"type": "ui.send", "table": {"columns": [{}], "rows": [[{"date": 0, "style": "date"}]]}},
    {"type": "ui.send", "form": {"name": "f", "fields": [{"name": "x", "label": "X", "type": "integer", "min": 1}]}},
    {"type": "ui.update", "key": "menu", "text": "gone"},
    {"type": "kv.get", "tag": "t", "space": "program", "keys": ["seat/1"]},
    {"type": "kv.set", "tag": "t", "space": "chat", "key": "k", "value": [1, None], "if_version": 0},
    {"type": "kv.del", "space": "person", "key": "k"},
    {"type": "fetch", "tag": "t", "url": "https://api.example.org/x?y=1", "headers": {"Accept": "text/plain"}},
    {"type": "scope.request", "tag": "t", "scopes": ["profile.name"]},
    {"type": "timer.set", "tag": "t", "after": 60, "payload": {"a": 1}},
    {"type": "timer.set", "tag": "t", "after": None},
    {"type": "session.end"},
    {"type": "log", "text": "here"},
]

WRONG: list[tuple[Any, str]] = [
    (1, "effects[0]: should be an object with a type"),
    ({}, "effects[0].type: is missing"),
    ({"type": "ui.sned"}, "effects[0].type: no such effect; did you mean ui.send?"),
    ({"type": "pay.request"}, "effects[0].type: is for a later version of Courtyard"),
    ({"type": "charge"}, "effects[0].type: no such effect; there are ui.send,"),
    ({"type": ["ui.send"]}, "effects[0].type: no such effect; there are"),
    ({"type": "ui.send"}, "effects[0]: shows nothing; give text, picture, table, choices or form"),
    ({"type": "ui.send", "text": 3}, "effects[0].text: should be text"),
    ({"type": "ui.send", "text": "x" * 4001}, "effects[0].text: should have at most 4000 characters"),
    ({"type": "ui.send", "txt": "x"}, "effects[0].txt: unknown key; did you mean text?"),
    ({"type": "ui.send", "text": "x", "to": "@bob:example.org"}, "effects[0].to: should be one of: chat, user"),
    (
        {"type": "ui.send", "choices": [{"id": "a", "label": "A"}, {"id": "a", "label": "B"}]},
        "effects[0]: two choices have the same id",
    ),
    (
        {"type": "ui.send", "choices": [{"id": "a b", "label": "A"}]},
        "effects[0].choices[0].id: should be 1 to 64 letters",
    ),
    ({"type": "ui.send", "picture": {"alt": "x"}}, "effects[0].picture: needs exactly one of url, data and qr"),
    (
        {"type": "ui.send", "picture": {"alt": "x", "url": "https://evil.example/"}},
        "effects[0].picture.url: is on none of the domains of the manifest",
    ),
    ({"type": "ui.send", "picture": {"alt": "x", "data": "!"}}, "effects[0].picture.data: should be base64"),
    (
        {"type": "ui.send", "table": {"columns": [{}], "rows": [["a", "b"]]}},
        "effects[0].table: each row should have as many cells as there are columns",
    ),
    (
        {"type": "ui.send", "table": {"columns": [{}], "rows": [[{"money": {"amount": 1.5, "currency": "EUR"}}]]}},
        "effects[0].table.rows[0][0].money.amount: should be a whole number",
    ),
    (
        {"type": "ui.send", "form": {"name": "f", "fields": [{"name": "x", "type": "integer"}]}},
        "effects[0].form.fields[0].label: is missing",
    ),
    (
        {"type": "ui.send", "form": {"name": "f", "fields": [{"name": "x", "label": "X"}]}},
        "effects[0].form.fields[0]: needs a type",
    ),
    (
        {"type": "kv.get", "space": "all", "tag": "t", "keys": ["k"]},
        "effects[0].space: should be one of: person, chat, program",
    ),
    ({"type": "kv.get", "space": "chat", "keys": ["k"]}, "effects[0].tag: is missing"),
    (
        {"type": "kv.set", "space": "chat", "key": "k", "value": "x" * 9000},
        "effects[0].value: is larger than 8192 bytes",
    ),
    ({"type": "kv.set", "space": "chat", "key": "k"}, "effects[0].value: is missing"),
    (
        {"type": "kv.set", "space": "chat", "key": "k", "value": 1, "if_version": 0},
        "effects[0]: if_version needs a tag: the kv.result event tells whether somebody was faster",
    ),
    ({"type": "fetch", "tag": "t", "url": "http://api.example.org/"}, "effects[0].url: should be an https address"),
    ({"type": "fetch", "tag": "t", "url": "https://a@api.example.org/"}, "effects[0].url: should be an https address"),
    (
        {"type": "fetch", "tag": "t", "url": "https://api.example.org:444/"},
        "effects[0].url: should be an https address",
    ),
    ({"type": "fetch", "tag": "t", "url": "https://api.example.org.evil.example/"}, "effects[0].url: is on none of"),
    ({"type": "fetch", "tag": "t", "url": "https://127.0.0.1/"}, "effects[0].url: is on none of"),
    ({"type": "fetch", "tag": "t", "url": "https://api.example.org\\@evil.example/"}, "effects[0].url: should be an"),
    (
        {"type": "fetch", "tag": "t", "url": "https://api.example.org/", "headers": {"Cookie": "x"}},
        "effects[0]: the only headers are",
    ),
    (
        {"type": "fetch", "tag": "t", "url": "https://api.example.org/", "headers": {"X-A": "a\r\nHost: b"}},
        "effects[0].headers",
    ),
    (
        {"type": "scope.request", "tag": "t", "scopes": ["profile.phone"]},
        "effects[0].scopes[0]: is not in the manifest",
    ),
    ({"type": "timer.set", "tag": "t", "after": 0}, "effects[0].after: should be at least 1"),
    ({"type": "timer.set", "tag": "t"}, "effects[0].after: is missing"),
]


def read(effects: Any, state: Any = None, event: Event | None = None) -> answer.Answer:
    raw = json.dumps({"state": state, "effects": effects}).encode()
    return answer.read(raw, event or opened(), MANIFEST, LIMITS)


def faults(raw: bytes, event: Event | None = None) -> list[str]:
    with pytest.raises(Faulty) as caught:
        answer.read(raw, event or opened(), MANIFEST, LIMITS)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("effect", VALID, ids=lambda effect: effect["type"])
def test_what_is_right_is_taken_by_us_and_by_the_schema(effect: dict[str, Any]) -> None:
    assert read([effect]).effects[0].effect.type == effect["type"]
    ANSWER_SCHEMA.validate({"state": None, "effects": [effect]})


def test_every_effect_is_among_them() -> None:
    assert {effect["type"] for effect in VALID} == set(EFFECTS)


@pytest.mark.parametrize(("effect", "told"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_what_is_wrong_is_told_with_its_place(effect: Any, told: str) -> None:
    found = faults(json.dumps({"state": None, "effects": [effect]}).encode())
    assert len(found) == 1, found
    assert found[0].startswith(told)


def test_an_effect_has_the_id_of_its_event_and_place() -> None:
    found = read([{"type": "log", "text": "a"}, {"type": "session.end"}], event=opened(id="ev-7"))
    assert [one.id for one in found.effects] == ["ev-7:0", "ev-7:1"]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"[]", "handle should return an object: {state, effects}"),
        (b"{}", "state: is missing; return event.state to keep it, or null"),
        (b'{"state": 1}', "effects: is missing; return [] for none"),
        (b'{"state": 1, "effects": {}}', "effects: should be a list"),
        (b'{"state": 1, "effects": [], "v": 2}', "v: should be 1"),
        (b'{"state": 1, "effects": [], "defer": true}', "defer: unknown key; an answer has v, state and effects"),
        (b'{"state": 1, "effects": [], "\\u001b[2J": 1}', "…: unknown key"),
        (b"{", "is no valid JSON"),
        (b"\xff", "is not UTF-8"),
        (b'"' + b'\\"' * 32_000, "is no valid JSON"),
        (b'""' * 32_000, "is no valid JSON"),
        (b'"' * 65_000 + b"\\", "is no valid JSON"),
        (b'{"a": 1, "a": 2}', "has the same key twice in one object"),
        (b'{"state": NaN, "effects": []}', "has NaN, which is no JSON"),
        (b'{"state": 1e999, "effects": []}', "has a number that is too large"),
        (b'{"state": 9007199254740993, "effects": []}', "has a whole number that is too large to be exact"),
        (b"1" * 5000, "has a whole number that is too large to be exact"),
        (b'{"state": "\\ud800", "effects": []}', "has half a character (an unpaired surrogate) in it"),
        (b"[" * 33 + b"]" * 33, "is nested more than 32 levels deep"),
        (b"[" * 60_000, "is nested more than 32 levels deep"),
        (b'"' + b"x" * 65_536 + b'"', "is larger than 65536 bytes"),
        (json.dumps({"state": "x" * 33_000, "effects": []}).encode(), "state: is larger than 32768 bytes"),
        (
            json.dumps({"state": 0, "effects": [{"type": "session.end"}] * 21}).encode(),
            "effects: should have at most 20",
        ),
    ],
)
def test_an_answer_that_is_none(raw: bytes, told: str) -> None:
    assert faults(raw)[0].startswith(told)


def test_brackets_inside_texts_are_not_depth() -> None:
    assert read([{"type": "log", "text": '[{"' * 100}], state="\\" * 9 + '"' + "[" * 40).effects


def test_all_faults_are_told_at_once() -> None:
    raw = json.dumps({"effects": [{"type": "no"}, {"type": "log"}], "x": 1}).encode()
    assert len(faults(raw)) == 4


def test_messages_are_bounded() -> None:
    says = {"type": "ui.send", "text": "x"}
    assert faults(json.dumps({"state": 0, "effects": [says] * 6}).encode()) == [
        "effects[5]: one answer may have 5 messages"
    ]


def test_fetches_and_keys_are_bounded_over_the_whole_answer() -> None:
    fetch = {"type": "fetch", "tag": "t", "url": "https://api.example.org/"}
    assert faults(json.dumps({"state": 0, "effects": [fetch] * 6}).encode()) == [
        "effects[5]: one answer may have 5 fetches, pictures by url among them"
    ]
    twice = [{"type": "ui.send", "key": "k", "text": "x"}] * 2
    assert "same key" in faults(json.dumps({"state": 0, "effects": twice}).encode())[0]


def test_after_close_there_is_nothing_to_show() -> None:
    about = opened()
    closed = CloseEvent(**{**about.model_dump(exclude={"type", "data"}), "data": Closed(reason="user")})
    assert read([{"type": "kv.del", "space": "person", "key": "k"}], event=closed).effects
    raw = json.dumps({"state": 0, "effects": [{"type": "ui.send", "text": "x"}]}).encode()
    assert faults(raw, closed) == ["effects[0].type: after close there are only kv.set, kv.del, log"]


def test_no_value_of_the_answer_is_told() -> None:
    secret = "hunter2"
    effect = {"type": "ui.send", "text": [secret], "key": secret + " ", "picture": {"alt": secret, "url": secret}}
    assert secret not in "\n".join(faults(json.dumps({"state": secret, "effects": [effect]}).encode()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid answer in which something was exchanged."""
    document: Any = {"state": None, "effects": [json.loads(json.dumps(draw(st.sampled_from(VALID))))]}
    here, at = document, draw(st.sampled_from(["state", "effects"]))
    while isinstance(here[at], (dict, list)) and here[at] and draw(st.booleans()):
        here = here[at]
        at = draw(st.sampled_from(list(here) if isinstance(here, dict) else list(range(len(here)))))
    here[at] = draw(json_values)
    return json.dumps(document).encode()


@pytest.mark.property
@pytest.mark.hostile
@settings(max_examples=300, deadline=None)
@given(st.one_of(mutated(), st.binary(max_size=60), json_values.map(lambda v: json.dumps(v).encode())))
def test_whatever_comes_there_is_an_answer_or_faults(raw: bytes) -> None:
    found = attempt(raw)
    if isinstance(found, Faulty):
        assert found.faults
        assert all(fault.message for fault in found.faults)
    else:
        ANSWER_SCHEMA.validate(json.loads(raw))
        assert len(found.effects) <= LIMITS.effects


def attempt(raw: bytes) -> answer.Answer | Faulty:
    try:
        return answer.read(raw, opened(), MANIFEST, LIMITS)
    except Faulty as faulty:
        return faulty
