"""The compiled guest is machine code: it is taken only from where nobody else can put it, and only whole."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

from bridge.errors import OperatorError
from bridge.miniprograms import guest
from tests.sandbox.made import artifact


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often something was compiled; it is not done again for each test."""
    calls: list[int] = []

    def compile_elsewhere() -> bytes:
        calls.append(1)
        return artifact()

    artifact()
    monkeypatch.setattr(guest, "_compile_elsewhere", compile_elsewhere)
    return calls


def kept(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_it_is_compiled_once(tmp_path: Path, compiles: list[int]) -> None:
    folder = tmp_path / "cache"
    assert guest.artifact(folder) == guest.artifact(folder) == artifact()
    assert len(compiles) == 1
    assert kept(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.hostile
@pytest.mark.parametrize("what", ["changed", "cut", "file", "folder", "link"])
def test_what_others_could_have_written_is_not_taken(tmp_path: Path, compiles: list[int], what: str) -> None:
    folder = tmp_path / "cache"
    guest.artifact(folder)
    file = kept(folder)
    if what == "changed":
        data = bytearray(file.read_bytes())
        data[1000] ^= 1
        file.write_bytes(data)
    elif what == "cut":
        os.truncate(file, 1000)
    elif what == "file":
        file.chmod(0o666)
    elif what == "folder":
        folder.chmod(0o777)
    else:
        other = tmp_path / "other"
        file.rename(other)
        file.symlink_to(other)
    assert guest.artifact(folder) == artifact()
    assert len(compiles) == 2


def test_a_folder_that_can_not_be_used_only_costs_time(tmp_path: Path, compiles: list[int]) -> None:
    (tmp_path / "file").write_text("")
    assert guest.artifact(tmp_path / "file" / "cache") == artifact()
    assert guest.artifact(None) == artifact()
    assert len(compiles) == 2


def test_another_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "SHA256", "0" * 64)
    with pytest.raises(OperatorError, match=r"is not QuickJS-NG 0\.17\.0; install it again from the lock"):
        guest.compiled()


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(_: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(OperatorError, match="is not installed; run make venv"):
        guest.artifact(tmp_path)


def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(OperatorError, match="no JavaScript engine"):
        guest.artifact(tmp_path)


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert guest.cache_folder() == Path("/somewhere/courtyard")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/alice")
    assert guest.cache_folder() == Path("/home/alice/.cache/courtyard")
