"""`courtyard mp` where something is wrong: what it says, and its exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bridge.cli import mp_tools
from bridge.errors import OperatorError
from bridge.miniprograms import builtin
from bridge.miniprograms.tools import project

BROKEN = "function handle(event) { if (event.type !== 'open') null.x; return { state: 1, effects: [] } }"


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    project.create(tmp_path / "hello", "hello")
    return tmp_path / "hello"


def code(folder: Path, text: str) -> None:
    (folder / "main.js").write_text(text, "utf-8")


def test_check_tells_the_place_of_a_mistake(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code(hello, "function handle(event) {\n  return { state: null, effects: [{ type: 'ui.sned' }] };\n}\n")
    assert mp_tools.check(hello, None) == 1
    assert "effects[0].type: no such effect; did you mean ui.send?" in capsys.readouterr().err
    code(hello, "function handle(event) {\n  return nothing;\n}\n")
    assert mp_tools.check(hello, None) == 1
    assert "ReferenceError: nothing is not defined (at main.js:2:" in capsys.readouterr().err
    code(hello, "function handle(event) {\n  }}\n")
    assert mp_tools.check(hello, None) == 1
    assert "SyntaxError" in capsys.readouterr().err
    code(hello, "// fetch('x')\nawait fetch('https://a.example');\n")
    assert mp_tools.check(hello, None) == 1
    assert "main.js:2: nothing waits here" in capsys.readouterr().err


def test_check_tells_which_commands_nobody_reaches(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = hello / "manifest.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace("name: wave\n", "name: post\n    also: [好友]\n"), "utf-8")
    assert mp_tools.check(hello, None) == 0
    told = capsys.readouterr().err
    assert "commands[0]: `post` is a word of Courtyard itself (`post`), which wins in the chat" in told
    assert "commands[0]: `好友` is a word of Courtyard itself (`friends`)" in told


def test_a_case_that_shows_something_else_is_told_as_a_difference(
    hello: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = (hello / "main.js").read_text("utf-8")
    code(hello, main.replace("Waved once.", "You waved."))
    assert mp_tools.golden(hello, None, update=False) == 1
    shown = capsys.readouterr().out
    assert "-* Waved once.\n+* You waved.\n" in shown
    assert shown.endswith("0 passed, 1 failed\n")
    assert mp_tools.golden(hello, None, update=True) == 0
    assert mp_tools.golden(hello, None, update=False) == 0
    shutil.rmtree(hello / "tests")
    with pytest.raises(OperatorError, match="there is no case here"):
        mp_tools.golden(hello, None, update=False)


def test_what_fails_is_found_kept_and_replayed(hello: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code(hello, BROKEN)
    failure = hello / "failure.jsonl"
    assert mp_tools.conformance(str(hello), None) == 1
    assert mp_tools.fuzz(hello, 20, 1, failure, None) == 1
    assert "TypeError: cannot read property 'x' of null (at main.js:1:" in capsys.readouterr().out
    assert mp_tools.replay(failure, hello, None) == 0
    code(hello, BROKEN.replace("null.x", "0"))
    assert mp_tools.replay(failure, hello, None) == 1
    assert "trap is  null" in capsys.readouterr().out
    failure.write_text("{}\n")
    with pytest.raises(OperatorError, match=r"failure\.jsonl:1: is no line of a recording"):
        mp_tools.replay(failure, hello, None)


def test_a_package_that_was_changed_is_refused(hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, key = tmp_path / "hello.mp", tmp_path / "key.pem"
    assert mp_tools.pack(hello, file, None) == 0
    with pytest.raises(OperatorError, match="--new-key makes one"):
        mp_tools.sign(file, key, None, make=False)
    assert mp_tools.sign(file, key, None, make=True) == 0
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OperatorError, match="file exists"):
        mp_tools.sign(file, key, None, make=True)
    assert mp_tools.check(file, None) == 0
    assert "signed by ed25519:" in capsys.readouterr().out
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "payload": document["payload"].replace("Waved", "Moved")}))
    with pytest.raises(OperatorError, match=r"signatures\[0\]: does not belong to this package"):
        mp_tools.check(file, None)


def test_the_limits_of_a_configuration_count(hello: Path, tmp_path: Path) -> None:
    config = tmp_path / "courtyard.yaml"
    config.write_text(
        "matrix: {homeserver: 'https://matrix.example.org', user_id: '@courtyard:example.org', password: x}\n"
        "miniprograms: {bundle_bytes: 1024}\n"
    )
    config.chmod(0o600)
    with pytest.raises(OperatorError, match="larger than 1024 bytes"):
        mp_tools.check(hello, config)
    assert mp_tools.check(hello, None) == 0


def test_the_programs_of_the_house_pass_check(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in builtin.folders():
        assert mp_tools.check(folder, None) == 0
    assert capsys.readouterr().err == ""
