"""A program's folder: read within its limits, and looked over for habits from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.problem import ConfigError
from bridge.config.programs import MiniProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms.tools import project
from tests.sandbox.made import program


def hints(source: str) -> list[int]:
    return [line for line, _ in project.hints(program(source))]


@pytest.mark.parametrize(
    "line",
    [
        "import x from 'y';",
        "const m = await 1;",
        "require('fs');",
        "setTimeout(f, 1);",
        "fetch('https://a.example');",
        "p.then(f);",
    ],
)
def test_what_only_works_elsewhere_is_told(line: str) -> None:
    assert hints(f"// first\n{line}\n")[0] == 2


@pytest.mark.parametrize(
    "line",
    [
        'const a = { type: "fetch", url };',
        "// await nothing",
        "/* require('x') */",
        "const important = 1;",
        "`import x`",
        "prefetched(1)",
    ],
)
def test_what_only_looks_so_is_not(line: str) -> None:
    assert hints(line) == []


@pytest.mark.hostile
@pytest.mark.parametrize("part", ["`\\", "/*", '"\\', "'", "//", "import "])
def test_code_of_others_is_looked_over_in_good_time(part: str) -> None:
    hints(part * 50_000)


def test_a_new_program_is_whole_and_is_read_again(tmp_path: Path) -> None:
    made = project.create(tmp_path / "hello", "hello")
    assert {file.name for file in made} >= {"manifest.yaml", "main.js", "courtyard.d.ts", "waving.txt"}
    read = project.load(tmp_path / "hello", MiniProgramsConfig())
    assert read.manifest.name == "hello"
    assert list(project.hints(read)) == []
    with pytest.raises(OperatorError, match="already"):
        project.create(tmp_path / "hello", "hello")
    with pytest.raises(OperatorError, match="small letters"):
        project.create(tmp_path / "other", "../Other")


@pytest.mark.parametrize(
    ("code", "told"), [(b"x" * 300_000, "larger than 262144"), (b"\xff", "not UTF-8"), (None, "no such file")]
)
def test_code_that_can_not_be_taken(tmp_path: Path, code: bytes | None, told: str) -> None:
    project.create(tmp_path / "hello", "hello")
    main = tmp_path / "hello" / "main.js"
    main.unlink()
    if code is not None:
        main.write_bytes(code)
    with pytest.raises(ConfigError, match=told):
        project.load(tmp_path / "hello", MiniProgramsConfig())
