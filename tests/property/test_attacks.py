"""What the end-to-end tests send, and everything near it, given to the parsers directly."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.chat.catalogue import Catalogue
from bridge.chat.commands import build_registry
from bridge.chat.inbound import EncryptedFile, Relation
from bridge.chat.people import People
from bridge.chat.reading import Reader
from bridge.chat.render import render_written
from bridge.chat.reply import Text
from bridge.contacts.model import one_line
from bridge.delivery.outbox import Outbox
from bridge.features import compose
from bridge.ids import EventId
from bridge.matrix.events import to_inbound
from bridge.matrix.http import pruned
from bridge.matrix.media import DamagedMedia, decrypt
from tests.e2e import attacks
from tests.property.test_matrix_hostile import ALICE, ME, ROOM, WHERE, World, texts, values

pytestmark = [pytest.mark.property, pytest.mark.hostile]

quiet = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200)
seeds = st.integers(0, 2**32)

CATALOGUE = Catalogue.load(strict=True)


def reader() -> Reader:
    """All commands there are."""
    people = People()
    outbox = Outbox(people, CATALOGUE, lambda: None)
    registry = build_registry(compose(outbox, people, lambda text: None).commands, people, CATALOGUE)
    return Reader(registry, "!")


READER = reader()
ROOM_CONTENTS = attacks.room_contents("$own", "$foreign")


@quiet
@given(st.sampled_from(ROOM_CONTENTS), seeds)
def test_room_events(kind_and_content: tuple[str, Any], seed: int) -> None:
    kind, content = kind_and_content
    rng = random.Random(seed)
    for _ in range(5):
        inbound = to_inbound(WHERE, kind, content, ME, rng.choice(attacks.ODD))
        if inbound is not None:
            str(inbound).encode("utf-8", "surrogatepass")
        content = attacks.mutated(content, rng)


@quiet
@given(st.sampled_from(attacks.texts()), texts, st.booleans(), st.booleans(), st.integers(0, 40))
def test_texts(text: str, more: str, reply: bool, dm: bool, at: int) -> None:
    body = text[:at] + more + text[at:]
    said = READER.read(body, Relation(EventId("$x")) if reply else None, dm=dm, mentioned=reply)
    said.text.encode()
    assert said.error is not None or said.command is not None
    if said.error is not None:
        for language in CATALOGUE.languages:
            args = {**said.error.args_, **getattr(said.error, "texts", {})}
            CATALOGUE.format(language, Text(said.error.message_id, args))
    (render_written(said.text) or "").encode()
    assert "\n" not in one_line(body)


def test_to_device_events() -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        key = world.device.machine.account.identity_keys["curve25519"]
        real = attacks.olm(key, "C" * 43, 0, "AwogXXXX")
        contents = [("m.room.encrypted", content) for content in attacks.olm_garbage(key, "C" * 43, real)]
        contents += attacks.plain_to_device(ROOM)

        @quiet
        @given(seeds)
        def check(seed: int) -> None:
            rng = random.Random(seed)
            events = [
                {"type": kind, "sender": ALICE, "content": attacks.mutated(content, rng)}
                for kind, content in rng.sample(contents, 10)
            ]
            asyncio.run(world.reader().read({"next_batch": "n", "to_device": {"events": events}}, "s"))
            assert not list(world.device.machine.session_store)
            assert not world.device.machine._strangers

        try:
            check()
        finally:
            world.database.close_sync()


@quiet
@given(texts, texts, texts, texts, st.binary(max_size=50))
def test_attachments(url: str, key: str, iv: str, digest: str, data: bytes) -> None:
    with pytest.raises(DamagedMedia):
        decrypt(EncryptedFile(url, key, iv, digest), data)


def cut(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, list):
        return [cut(inner, levels - 1) for inner in value]
    return {key: cut(inner, levels - 1) for key, inner in value.items()}


@quiet
@given(values, st.integers(0, 4), st.booleans())
def test_pruning(value: Any, levels: int, ascii: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    assert json.loads(pruned(raw, levels)) == cut(json.loads(raw), levels)
