"""D9: what operators do with programs, on a real database on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.cli import mp_operate
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx, ledger
from bridge.errors import OperatorError
from bridge.miniprograms import package
from bridge.miniprograms.host.builtin import install_builtin
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.program import Program
from bridge.storage import open_storage
from tests.backup.conftest import House, settle_in
from tests.unit.test_admin import house, path

pytestmark = pytest.mark.usefixtures("migrated_once")

__all__ = ["house"]
LIMITS = ProgramsConfig()
OWN, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEY = package.public_name(OWN.public_key())


def made(folder: Path, version: str, *, key: Ed25519PrivateKey | None = OWN, **changes: Any) -> Path:
    """A package in a file."""
    about: dict[str, Any] = {
        "manifest": 1,
        "name": "dice",
        "version": version,
        "title": "Dice",
        "description": "Rolls dice.",
        "languages": ("en",),
        "main": "main.js",
    }
    manifest = Manifest(**{**about, **changes})
    raw = package.pack(Program(manifest, "" if manifest.main is None else f"// {version}"))
    file = folder / f"dice-{version}.mp"
    file.write_bytes(raw if key is None else package.sign(raw, key, LIMITS))
    return file


def listed(house: House, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    mp_operate.show(path(house))
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture(autouse=True)
def _settled(house: House) -> None:
    settle_in(house)


def test_it_is_installed_updated_rolled_back_and_removed(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = made(tmp_path, "1.0.0"), made(tmp_path, "1.1.0", commands=({"name": "roll", "description": "Rolls."},))
    assert mp_operate.install(one, path(house), [KEY], agree=False, unsigned=False) == 0
    assert f"+ signed by {KEY}" in capsys.readouterr().out
    assert mp_operate.install(two, path(house), [], agree=False, unsigned=False) == 0, "by whom it came from"
    assert "~ version 1.0.0 → 1.1.0\n+ has the command roll\n~ code" in capsys.readouterr().out
    [about] = listed(house, capsys)
    assert (about["version"], about["before"], about["signers"]) == ("1.1.0", "1.0.0", [KEY])
    assert mp_operate.install(two, path(house), [], agree=False, unsigned=False) == 0
    assert "installed already" in capsys.readouterr().out
    with pytest.raises(OperatorError, match="not older"):
        mp_operate.install(one, path(house), [], agree=False, unsigned=False)
    mp_operate.roll_back("dice", path(house))
    assert listed(house, capsys)[0]["version"] == "1.0.0"
    with pytest.raises(OperatorError, match="no version of it before"):
        mp_operate.roll_back("dice", path(house))
    mp_operate.remove("dice", path(house))
    assert listed(house, capsys) == []

    def written(tx: Tx) -> list[Any]:
        return [tx.vault.open(e.owner, "ledger", e.number, "sealed", e.sealed)["what"] for e in ledger.entries(tx)]

    with open_storage(house.config, update=False) as storage:
        assert storage.db.run_sync(written) == ["install", "install", "rollback", "remove"]


def test_what_asks_for_more_needs_a_yes(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mp_operate.install(made(tmp_path, "1.0.0"), path(house), [KEY], agree=False, unsigned=False)
    wider = made(tmp_path, "2.0.0", scopes={"profile.phone": "To call you."}, domains=("api.example.org",))
    assert mp_operate.review(wider, path(house)) == 1
    shown = capsys.readouterr().out
    assert "+ asks for profile.phone: To call you.\n+ asks the server api.example.org" in shown
    assert mp_operate.install(wider, path(house), [], agree=False, unsigned=False) == 1
    assert listed(house, capsys)[0]["version"] == "1.0.0"
    assert mp_operate.install(wider, path(house), [], agree=True, unsigned=False) == 0
    other = made(tmp_path, "2.0.1", scopes={"profile.phone": "To sell it."}, domains=())
    assert mp_operate.review(other, path(house)) == 1
    shown = capsys.readouterr().out
    assert "~ asks for profile.phone: To call you. → To sell it.\n- asks the server api.example.org" in shown


def test_nobody_but_who_is_trusted_gets_in(house: House, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="nobody whom you trust"):
        mp_operate.install(made(tmp_path, "1.0.0"), path(house), [], agree=True, unsigned=True)
    mp_operate.install(made(tmp_path, "1.0.0"), path(house), [KEY], agree=True, unsigned=False)
    for key in (OTHER, None):
        with pytest.raises(OperatorError, match="mp install"):
            mp_operate.install(made(tmp_path, "1.0.1", key=key), path(house), [], agree=True, unsigned=True)
    unsigned = made(tmp_path, "3.0.0", key=None, name="cups")
    with pytest.raises(OperatorError, match="nobody has signed it"):
        mp_operate.install(unsigned, path(house), [], agree=True, unsigned=False)
    assert mp_operate.install(unsigned, path(house), [], agree=True, unsigned=True) == 0
    changed = made(tmp_path, "1.0.2")
    changed.write_bytes(changed.read_bytes().replace(b"// 1.0.2", b"// 1.0.3"))
    with pytest.raises(OperatorError, match="it was changed since"):
        mp_operate.install(changed, path(house), [KEY], agree=True, unsigned=False)


def test_the_running_bot_takes_it_at_once(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = Programs(LIMITS)
    with open_storage(house.config, update=False) as storage:

        def version() -> str | None:
            found = storage.db.run_sync(lambda tx: running.by_name(tx, "dice"))
            return None if found is None or not running.is_open_to_people(found) else found.version

        assert version() is None
        mp_operate.install(made(tmp_path, "1.0.0"), path(house), [KEY], agree=False, unsigned=False)
        assert version() == "1.0.0"
        mp_operate.install(made(tmp_path, "1.1.0"), path(house), [], agree=False, unsigned=False)
        assert version() == "1.1.0"
        mp_operate.roll_back("dice", path(house))
        assert version() == "1.0.0"
        mp_operate.allow("dice", path(house), allowed=False)
        assert version() is None
        mp_operate.allow("dice", path(house), allowed=True)
        assert version() == "1.0.0"
        mp_operate.remove("dice", path(house))
        assert version() is None


def test_what_comes_with_courtyard_is_installed_once_and_denied_not_removed(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = Programs(LIMITS)
    with open_storage(house.config, update=False) as storage:
        assert len(storage.db.run_sync(lambda tx: install_builtin(tx, programs, LIMITS))) == 6
        assert storage.db.run_sync(lambda tx: install_builtin(tx, programs, LIMITS)) == []
        assert storage.db.run_sync(lambda tx: install_builtin(tx, programs, ProgramsConfig(builtin=False))) == []
        without = Programs(ProgramsConfig(builtin=False))
        assert storage.db.run_sync(without.open_to_people) == []
        named = Programs(ProgramsConfig(programs=("word", "poll"), denied=("poll",)))
        assert [one.name for one in storage.db.run_sync(named.open_to_people)] == ["word"]
    with pytest.raises(OperatorError, match="comes with Courtyard"):
        mp_operate.remove("word", path(house))
    mp_operate.allow("word", path(house), allowed=False)
    assert [one["name"] for one in listed(house, capsys) if not one["open_to_people"]] == ["word"]


def test_a_program_on_a_server_is_shown_with_its_server_and_its_key_changes_in_two_steps(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def far(version: str, url: str, **more: Any) -> Path:
        return made(tmp_path, version, main=None, url=url, **more)

    one = far("1.0.0", "https://dice.example.org/hook")
    assert mp_operate.review(one, path(house)) == 1
    assert (
        "+ runs on a server: https://dice.example.org/hook\n"
        "  what people type to it, and what it shows them, leaves the encryption there\n"
        "+ deletes within 30 days what it keeps of who left, without a signature\n"
    ) in (shown := capsys.readouterr().out)
    assert "code" not in shown
    assert mp_operate.install(one, path(house), [KEY], agree=False, unsigned=False) == 1, "nobody has agreed"
    assert mp_operate.install(one, path(house), [KEY], agree=True, unsigned=False) == 0
    [*_, key] = capsys.readouterr().out.splitlines()
    assert key.startswith("ed25519:")
    assert [one["server"] for one in listed(house, capsys)] == ["dice.example.org"]

    def keys(**wanted: bool) -> list[str]:
        capsys.readouterr()
        assert mp_operate.key("dice", path(house), new=wanted.get("new", False), use_new=wanted.get("use", False)) == 0
        return [line.removeprefix("next: ") for line in capsys.readouterr().out.splitlines() if "ed25519:" in line]

    assert keys() == [key]
    [same, following] = keys(new=True)
    assert same == key
    assert following != key
    assert keys(new=True) == [key, following], "one next key is enough"
    assert keys(use=True) == [following]
    with pytest.raises(OperatorError, match="no next key"):
        mp_operate.key("dice", path(house), new=False, use_new=True)
    assert keys() == [following]

    # The same server under another address is no more than before; another server is.
    moved = far("1.1.0", "https://dice.example.org/other")
    assert mp_operate.review(moved, path(house)) == 0
    other = far("1.2.0", "https://dice.example.net/", deletion={"days": 7, "key": KEY})
    assert mp_operate.review(other, path(house)) == 1
    assert f"~ deletes within 7 days what it keeps of who left, signed by {KEY}" in capsys.readouterr().out
    capsys.readouterr()
    assert mp_operate.install(moved, path(house), [], agree=False, unsigned=False) == 0
    assert "has left" not in capsys.readouterr().out
    assert keys() == [following], "an update keeps the key"
    assert mp_operate.install(other, path(house), [], agree=True, unsigned=False) == 0
    assert "tells dice.example.org that everybody who used it has left" in capsys.readouterr().out
    assert keys() == [following], "wherever it runs"
    mp_operate.roll_back("dice", path(house))
    assert "tells dice.example.net that everybody who used it has left" in (shown := capsys.readouterr().out)
    assert "7 days" in shown
    assert [one["name"] for one in listed(house, capsys)] == ["dice"], "what is set aside is nothing to operate"
    mp_operate.remove("dice", path(house))
    assert "tells dice.example.org that everybody who used it has left" in capsys.readouterr().out
    with pytest.raises(OperatorError, match="no dice that runs on a server"):
        mp_operate.key("dice", path(house), new=False, use_new=False)
