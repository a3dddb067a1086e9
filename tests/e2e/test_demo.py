"""What a newcomer sees: `courtyard demo` with a script and in a terminal, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.demo.synapse import free_port
from tests.docs import conversation
from tests.e2e.demo_process import demo, none_left, processes_of, run

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

_PASSWORD = re.compile(r"^ +@(\w+):localhost +password: (\S+)$", re.MULTILINE)
_RUNS = "Courtyard runs."


@dataclass(frozen=True, slots=True)
class FirstRun:
    data_dir: Path
    port: int
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
async def first(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FirstRun]:
    """The demo with the README's script, on data of its own; later tests go on with the data."""
    data_dir, port = tmp_path_factory.mktemp("demo") / "data", free_port()
    yield FirstRun(data_dir, port, *await run(data_dir, port, conversation.script()))
    await none_left(data_dir)


def told_at_once(chat: str) -> list[tuple[str, str]]:
    """What Courtyard said, but for likes, which are gathered for seconds and may come after the end."""
    return [(person, text) for person, text in conversation.answers(chat) if not text.startswith("♥ ")]


async def test_the_script_of_the_readme(first: FirstRun) -> None:
    assert (first.status, first.err) == (0, "")
    recorded = conversation.TRANSCRIPT.read_text("utf-8")
    said = told_at_once(conversation.chat_of(first.out))
    assert said == told_at_once(recorded), "run: python -m tests.docs --record"
    assert f"http://127.0.0.1:{first.port}" in first.out
    assert [name for name, _ in _PASSWORD.findall(first.out)] == ["alice", "bob", "carol"]
    await none_left(first.data_dir)
    for secret in ("passwords.json", "bot/matrix-password", "people/alice.db"):
        assert (first.data_dir / secret).stat().st_mode & 0o077 == 0, secret


async def test_a_line_that_fails(first: FirstRun) -> None:
    script = "/no-such-command\n/as nobody\n/picture /no/such/file.png post\nping\n"
    status, out, err = await run(first.data_dir, first.port, script)
    assert (status, err) == (1, "")
    assert out.count(" ! ") == 3
    assert "alice │ Courtyard: pong" in out  # the rest goes on


async def test_a_script_waits_also_for_what_has_no_answer(first: FirstRun) -> None:
    script = "post first light\n/remove\n/as bob\nunlike 1\nfeed\n/react ❤\n/as alice\nmoment 1\n"
    status, out, err = await run(first.data_dir, first.port, script)
    assert (status, err) == (0, "")
    assert out.count("first light") == 1  # what alice typed
    assert "pong" not in out
    *_, last = conversation.parse(conversation.chat_of(out))
    assert "♥ Bob" in last.text


async def test_its_data_stays_and_only_one_uses_it(first: FirstRun, tmp_path: Path) -> None:
    async with demo(first.data_dir, first.port) as running:
        await running.until(_RUNS)
        running.type("moment 1\n")
        await running.until("Bob (@bob:localhost): I bring the bread!")
        assert _PASSWORD.findall(running.output) == _PASSWORD.findall(first.out)
        assert "Hello! I am Courtyard" not in running.output

        status, out, err = await run(first.data_dir, free_port(), "ping\n")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "a demo is running already" in err

        status, out, err = await run(tmp_path / "other", first.port, "ping\n")
        assert (status, err.count("\n")) == (2, 1)
        assert f"Port {first.port} on 127.0.0.1 is in use" in err
        await none_left(tmp_path / "other")

        # The bot ends in mid-way.
        (bot,) = (pid for pid, line in processes_of(first.data_dir).items() if " bridge run " in line)
        os.kill(bot, signal.SIGKILL)
        status, err = await running.ended()
        assert (status, err.count("\n")) == (2, 1)
        assert "the bot ended unexpectedly" in err
        assert str(first.data_dir / "bot.log") in err
        await none_left(first.data_dir)


async def test_a_signal_leaves_nothing_behind(first: FirstRun) -> None:
    async with demo(first.data_dir, first.port) as running:
        await running.until(_RUNS)
        running.type("ping\n")
        await running.until("Courtyard: pong")
        assert len(processes_of(first.data_dir)) >= 3
        os.kill(running.pid, signal.SIGINT)
        # The script's input is still open: it did not get to its end, and the status says so.
        assert await running.ended() == (130, "")
        await none_left(first.data_dir)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", first.port))


async def test_in_a_terminal(first: FirstRun) -> None:
    async with demo(first.data_dir, first.port, terminal=True) as running:
        await running.until("/as NAME")
        await running.until("alice >")
        running.type("ping\r")
        await running.until("alice │ Courtyard: pong")
        running.type("/as bob\r")
        await running.until("bob >")
        running.type("an unfinished line\x03")
        assert (await running.ended())[0] == 0
        await running.until("The demo has ended.")
        assert "Traceback" not in running.output
        await none_left(first.data_dir)


async def test_ctrl_c_while_it_starts(first: FirstRun) -> None:
    async with demo(first.data_dir, first.port, terminal=True) as running:
        await running.until("starting the bot")
        running.type("\x03")
        assert (await running.ended())[0] == 0
        assert "Traceback" not in running.output
        await none_left(first.data_dir)
