"""The demo's prompt, with a keyboard made of a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from bridge.demo.screen import Screen


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


@pytest.mark.parametrize("end", ["\x04", "\x03", "half a line\x03"], ids=["Ctrl-D", "Ctrl-C", "Ctrl-C in a line"])
async def test_lines_come_until_a_key_ends_them(keyboard: PipeInput, end: str) -> None:
    screen = Screen()
    screen.interactive = True
    keyboard.send_text("ping\r/as bob\r" + end)
    async with asyncio.timeout(20):
        seen = [line async for line in screen.lines(lambda: "alice")]
    assert seen == ["ping", "/as bob"]
