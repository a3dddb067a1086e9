"""A runtime whose programs are Python functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import answer
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Faulty
from bridge.miniprograms.program import Handled, Program, Trapped

Handle = Callable[[dict[str, Any]], dict[str, Any]]


class FakeRuntime:
    """Checks events and answers as the sandbox does."""

    def __init__(self, handle: Handle) -> None:
        self.handle_event = handle
        self.events: list[dict[str, Any]] = []

    async def handle(self, program: Program, event: Event) -> Handled:
        given = json.loads(event.model_dump_json())
        self.events.append(given)
        raw = json.dumps(self.handle_event(given)).encode()
        try:
            return Handled(answer.read(raw, event, program.manifest, MiniProgramsConfig()))
        except Faulty as faulty:
            raise Trapped("answer", faults=faulty.faults) from None


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "ui.send", "text": text, **more}


def does(*effects: dict[str, Any], state: Any = None) -> dict[str, Any]:
    return {"state": state, "effects": list(effects)}
