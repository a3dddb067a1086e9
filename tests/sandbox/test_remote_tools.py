"""What developers of programs on servers work with: the template, the suite, the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from bridge.cli import mp_remote, mp_run, mp_tools
from bridge.errors import OperatorError
from bridge.miniprograms.package import public_name
from bridge.miniprograms.tools import project


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    assert mp_tools.new("hello", folder, remote=True) == 0
    return folder


@contextlib.contextmanager
def served(folder: Path, *keys: str) -> Iterator[str]:
    """The program's server runs. Where."""
    port = unused_port()
    process = subprocess.Popen(
        [sys.executable, "server.py", str(port), *keys], cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 30
        while not asyncio.run(_listens(port)):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not listen"
        yield f"http://localhost:{port}/courtyard"
    finally:
        process.kill()
        process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


def key_in(folder: Path) -> tuple[Path, str]:
    file = folder / "key.pem"
    assert mp_remote.known_key(mp_remote.Where(None, file)) == 0
    return file, public_name(mp_tools.read_key(file).public_key())


def suite(folder: Path, url: str, key: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.chdir(folder)
    return mp_tools.conformance(url, None, mp_remote.Where(None, key))


def test_the_template_stands_the_suite(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, public = key_in(tmp_path)
    assert mp_tools.check(hello, None) == 0
    with served(hello, public) as url:
        assert suite(hello, url, key, monkeypatch) == 0
        assert suite(hello, url, key, monkeypatch) == 0, "a second time: the server remembers the first"
    shown = capsys.readouterr().out
    assert f"requests are signed by {public}" in shown
    assert "16 passed, 0 failed" in shown


ANYBODY = 'delivery = request.headers.get("Courtyard-Delivery", "x")'
AT_RANDOM = '"effects": [{**shown, "text": __import__("secrets").token_hex()}]'


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"delivery = verify(request.headers, body, keys)": ANYBODY}, "it refuses what a stranger has signed"),
        ({"status=401": 'status=200, text="{}"'}, "it refuses what nobody has signed"),
        ({'if event["type"] == "choice":': 'if event["data"]["choice"]:'}, "it stands any text"),
        ({"answers.recall(delivery)": "None", '"effects": [shown]': AT_RANDOM}, "the same event comes to the same"),
        ({"answers.recall(delivery)": "None", '"effects": [shown]': AT_RANDOM}, "it takes a delivery that comes twice"),
    ],
)
def test_what_is_wrong_with_a_server_is_found(
    hello: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    fails: str,
) -> None:
    server = hello / "server.py"
    source = server.read_text("utf-8")
    for before, after in changes.items():
        assert before in source
        source = source.replace(before, after)
    server.write_text(source, "utf-8")
    key, public = key_in(tmp_path)
    with served(hello, public) as url:
        assert suite(hello, url, key, monkeypatch) == 1
    assert f"FAIL {fails}" in capsys.readouterr().out


def test_nobody_there_and_a_key_that_is_not_known(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, _ = key_in(tmp_path)
    assert suite(hello, f"http://localhost:{unused_port()}/courtyard", key, monkeypatch) == 1
    assert "the program's server can't be reached" in capsys.readouterr().out
    with served(hello) as url:
        assert suite(hello, url, key, monkeypatch) == 1
    assert "the program's server refused the event: status 401" in capsys.readouterr().out


def test_it_is_opened_in_a_terminal(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, public = key_in(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("wave 3\n1\n"))
    with served(hello, public) as url:
        world = mp_run.World("alice", False, "en", "simulator", ())
        assert mp_run.run(hello, world, None, None, None, mp_remote.Where(url, key)) == 0
    shown = capsys.readouterr().out
    assert "Waved 3 times." in shown
    assert "Waved 4 times." in shown


def test_cases_recordings_and_chance_are_tried_on_the_server(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, public = key_in(tmp_path)
    case, record = hello / "tests" / "waving.txt", tmp_path / "recording.jsonl"
    world = mp_run.World("alice", False, "en", "simulator", ())
    with served(hello, public) as url:
        where = mp_remote.Where(url, key)
        for typed in ("wave 5\n", "wave 3\n1\n"):  # what was said in the first is not answered in the second
            monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
            assert mp_run.run(hello, world, record, case, None, where) == 0
        assert "Waved 4 times." in case.read_text("utf-8")
        for _ in range(2):
            assert mp_tools.golden(hello, None, where, update=False) == 0
            assert mp_tools.replay(record, hello, None, where) == 0
        assert mp_tools.fuzz(hello, 2, 1, tmp_path / "x", None, where) == 0
    server = hello / "server.py"
    source = server.read_text("utf-8")
    server.write_text(source.replace("Waved ", "Wove "), "utf-8")
    capsys.readouterr()
    with served(hello, public) as url:
        where = mp_remote.Where(url, key)
        assert mp_tools.golden(hello, None, where, update=False) == 1
        assert mp_tools.replay(record, hello, None, where) == 1
    shown = capsys.readouterr().out
    assert "-* Waved 4 times." in shown
    assert "+* Wove 4 times." in shown
    assert mp_tools.fuzz(hello, 1, 1, tmp_path / "x", None, where) == 1, "nobody is there"


@pytest.mark.parametrize(
    "url", ["http://bot.example.org/", "ftp://localhost/", "https://a@b.example.org/", "https:///", "http://[::1"]
)
def test_what_is_no_address_of_a_server(hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    key, _ = key_in(tmp_path)
    with pytest.raises(OperatorError, match="should be an https address"):
        suite(hello, url, key, monkeypatch)


def test_without_a_key_nothing_is_tried(hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hello)
    (hello / "tests").mkdir()
    (hello / "tests" / "a.txt").write_text("alice> open\n")
    attempts: list[Callable[[], int]] = [
        lambda: mp_tools.conformance(".", None),
        lambda: mp_tools.golden(hello, None, update=False),
        lambda: mp_tools.fuzz(hello, 1, 1, tmp_path / "x", None),
    ]
    for attempt in attempts:
        with pytest.raises(OperatorError, match="give the secret one with --key"):
            attempt()


def test_packed_it_is_its_manifest(hello: Path, tmp_path: Path) -> None:
    file = tmp_path / "hello.mp"
    assert mp_tools.pack(hello, file, None) == 0
    read = mp_tools.read_package(file, mp_tools.limits_of(None))
    assert read.program == project.load(hello, mp_tools.limits_of(None))
    assert read.program.source == ""
    assert read.program.manifest.server == "hello.example.org"
