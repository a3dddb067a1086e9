"""Sandboxes and events for tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import guest
from bridge.miniprograms.events import Chat, Event, Opened, OpenEvent, User
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.program import Program
from bridge.miniprograms.sandbox import Sandbox

SEED = "00112233445566778899aabbccddeeff"
NOW = 1_700_000_000


@cache
def artifact() -> bytes:
    """The compiled guest, from the folder that the tools use."""
    return guest.artifact(guest.cache_folder())


def sandbox(**limits: int) -> Sandbox:
    return Sandbox(MiniProgramsConfig(**limits), artifact)


def manifest(**changes: Any) -> Manifest:
    about = {
        "manifest": 1,
        "name": "tester",
        "version": "1.0.0",
        "title": "Tester",
        "description": "A program of the tests.",
        "languages": ("en",),
        "main": "main.js",
    }
    return Manifest(**{**about, **changes})


def program(source: str, **changes: Any) -> Program:
    return Program(manifest(**changes), source)


def opened(state: Any = None, **changes: Any) -> Event:
    about: dict[str, Any] = {
        "id": "e1",
        "now": NOW,
        "seed": SEED,
        "locale": "en",
        "user": User(id="u1"),
        "chat": Chat(id="c1", kind="dm"),
        "state": state,
        "data": Opened(),
    }
    return OpenEvent(**{**about, **changes})


def failing_once(good: Callable[[], bytes]) -> Callable[[], bytes]:
    """Like `good`, but its first call fails."""
    calls: list[int] = []

    def artifact() -> bytes:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("the disk is full")
        return good()

    return artifact
