"""`courtyard vault`: exchanging the master key beside a bot that works on, broken off anywhere, by other processes."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.chat.people import People
from bridge.cli import vault as cli
from bridge.config import Config, load
from bridge.db import Tx
from bridge.db.exclusive import exclusive
from bridge.errors import OperatorError
from bridge.ids import PersonId, UserId
from bridge.storage import Storage, open_storage
from bridge.vault import KeyStore
from tests.vaults import config_at

pytestmark = pytest.mark.usefixtures("migrated_once")

ROOT = Path(__file__).parents[2]


def courtyard(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bridge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COURTYARD_")},
    )


def lines(config: Config) -> list[str]:
    return (config.data_dir / "master.key").read_text().split()


def add(storage: Storage, first: int, count: int) -> None:
    def work(tx: Tx) -> None:
        for number in range(first, first + count):
            People().ensure(tx, UserId(f"@person{number}:x.org"))

    storage.db.run_sync(work)


def read(storage: Storage, count: int) -> None:
    """As after a restart: every key comes from the key store."""
    storage.vault._cache.clear()
    for number in range(count):
        person = storage.db.run_sync(lambda tx, n=number: People().get(tx, UserId(f"@person{n}:x.org")))  # type: ignore[misc]
        assert person is not None


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_at(tmp_path)


def status(config: Config, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = cli.status(config.data_dir.parent / "courtyard.yaml")
    return code, json.loads(capsys.readouterr().out)


def ended(process: subprocess.Popen[str]) -> bool:
    """Looks for a moment, in which the database is free: SQLite lets write who comes first, not who waits longest."""
    try:
        process.wait(0.01)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_a_running_bot_goes_on(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """The bot reads old and new rows and greets new people all the while another process exchanges the key, twice."""
    file = str(config.data_dir.parent / "courtyard.yaml")
    with open_storage(config) as storage:
        add(storage, 0, 520)
        count = 520
        for _ in range(2):
            before = lines(config)
            rotation = courtyard("vault", "rotate", "-c", file)
            while not ended(rotation):
                add(storage, count, 3)
                count += 3
                storage.vault._cache.clear()
                read(storage, 5)
            out, err = rotation.communicate()
            assert rotation.returncode == 0, err
            assert "wrapped by the new master key" in out
            assert len(lines(config)) == 1
            assert lines(config) != before
            assert before[0] not in out + err
            assert lines(config)[0] not in out + err
            assert (config.data_dir / "master.key").stat().st_mode & 0o777 == 0o600
            add(storage, count, 1)
            count += 1
            read(storage, count)
        code, shown = status(config, capsys)
        assert code == 0, shown
        assert shown["data_keys"] == {shown["master"]: count + 2}
        assert shown["erased"] == 0
    with open_storage(config) as storage:
        read(storage, count)


def test_killed_anywhere_and_called_again(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    path = config.data_dir.parent / "courtyard.yaml"
    with open_storage(config) as storage:
        add(storage, 0, 520)
        began = time.monotonic()
        whole = courtyard("vault", "rotate", "-c", str(path))
        whole.communicate()
        lasts = time.monotonic() - began
        first = lines(config)
        for part in range(5):
            rotation = courtyard("vault", "rotate", "-c", str(path))
            time.sleep(lasts * (0.35 + part * 0.12))
            rotation.send_signal(signal.SIGKILL)
            rotation.communicate()
            read(storage, 100)
            add(storage, 520 + part, 1)
        assert cli.rotate(path) == 0
        read(storage, 525)
        code, shown = status(config, capsys)
        assert code == 0, shown
        assert len(lines(config)) == 1
        assert lines(config) != first


@pytest.mark.parametrize("step", range(6))
def test_broken_off_at_each_step(
    config: Config, step: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before and after: the new file, the rewrapping, the last file."""
    path = config.data_dir.parent / "courtyard.yaml"
    with open_storage(config) as storage:
        add(storage, 0, 5)
    calls = 0

    def breaking(target: object, name: str) -> None:
        real = getattr(target, name)

        def wrapper(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step // 2 + 1 and not step % 2:
                raise KeyboardInterrupt
            result = real(*args, **named)
            if calls == step // 2 + 1:
                raise KeyboardInterrupt
            return result

        monkeypatch.setattr(target, name, wrapper)

    with monkeypatch.context():
        breaking(cli, "write_key_file")
        breaking(KeyStore, "rewrap")
        with pytest.raises(KeyboardInterrupt):
            cli.rotate(path)
    monkeypatch.undo()
    with open_storage(config) as storage:  # a bot that starts in between
        read(storage, 5)
        add(storage, 5, 1)
        former = lines(config)[-1]
        assert cli.rotate(path) == 0
        assert former not in lines(config) or step == 5
        read(storage, 6)
    code, shown = status(config, capsys)
    assert (code, len(lines(config))) == (0, 1), shown


def test_keys_that_are_left_are_told(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    path = config.data_dir.parent / "courtyard.yaml"
    with open_storage(config) as storage:
        add(storage, 0, 3)
        [owner] = storage.db.run_sync(lambda tx: tx.sql("SELECT MIN(id) FROM people").one())
        storage.vault.keys.database.run_sync(
            lambda tx: tx.sql("UPDATE data_keys SET wrapped = ? WHERE owner = ?", (b"x" * 60, owner))
        )
    assert cli.rotate(path) == 1
    assert "1 keys can't be opened" in capsys.readouterr().out
    assert len(lines(config)) == 2, "the former key stays as long as anything is wrapped by it"
    process = courtyard("vault", "status", "-c", str(path))
    out, err = process.communicate(timeout=60)
    shown = json.loads(out)
    assert process.returncode == 1
    assert "can't be opened" in err
    assert shown["sample"] == {"tried": 5, "damaged": 1}
    with open_storage(config) as storage:
        storage.vault.destroy([PersonId(owner)])
    assert cli.rotate(path) == 0
    assert len(lines(config)) == 1
    assert status(config, capsys)[0] == 0


def test_a_key_from_the_environment_is_not_written(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config.data_dir.parent / "courtyard.yaml"
    one, two = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    monkeypatch.setenv("COURTYARD_SECRETS__MASTER_KEY", one)
    with open_storage(load(path)) as storage:
        add(storage, 0, 3)
    assert cli.rotate(path) == 0
    assert "Nothing to do" in capsys.readouterr().out
    monkeypatch.setenv("COURTYARD_SECRETS__MASTER_KEY", f"{two},{one}")
    code, shown = status(config, capsys)
    assert code == 1
    assert "rotate" in str(shown["problems"])
    with open_storage(config_without_key(path, monkeypatch, one)) as storage:
        # A bot runs that has the former key alone: new wrappings would be closed to it.
        monkeypatch.setenv("COURTYARD_SECRETS__MASTER_KEY", f"{two},{one}")
        with pytest.raises(OperatorError, match="start it again first"):
            cli.rotate(path)
        read(storage, 3)
    with open_storage(load(path)) as storage:
        assert cli.rotate(path) == 0
        out = capsys.readouterr().out
        assert "take the former key out of secrets.master_key" in out
        assert one not in out
        assert two not in out
        read(storage, 3)
    monkeypatch.setenv("COURTYARD_SECRETS__MASTER_KEY", two)
    with open_storage(load(path)) as storage:
        read(storage, 3)
    assert not (config.data_dir / "master.key").exists()


def config_without_key(path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> Config:
    monkeypatch.setenv("COURTYARD_SECRETS__MASTER_KEY", key)
    return load(path)


def test_a_systemd_credential_is_not_written(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config.data_dir.parent / "courtyard.yaml"
    credential = tmp_path / "credentials" / "courtyard-master-key"
    credential.parent.mkdir()
    one, two = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    credential.write_text(one)
    credential.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    with open_storage(config) as storage:
        add(storage, 0, 3)
    credential.chmod(0o600)
    credential.write_text(f"{two}\n{one}\n")
    assert cli.rotate(path) == 0
    assert "the credential courtyard-master-key" in capsys.readouterr().out
    assert credential.read_text().split() == [two, one]
    credential.write_text(two)
    with open_storage(config) as storage:
        read(storage, 3)


def test_a_linked_key_file_stays_a_link(config: Config, tmp_path: Path) -> None:
    with open_storage(config) as storage:
        add(storage, 0, 3)
    real = tmp_path / "kept" / "key"
    real.parent.mkdir()
    (config.data_dir / "master.key").rename(real)
    (config.data_dir / "master.key").symlink_to(real)
    before = real.read_text()
    assert cli.rotate(config.data_dir.parent / "courtyard.yaml") == 0
    assert (config.data_dir / "master.key").is_symlink()
    assert real.read_text() != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_file_stays_its_owners(config: Config) -> None:
    with open_storage(config) as storage:
        add(storage, 0, 1)
    os.chown(config.data_dir / "master.key", 1234, 1234)
    assert cli.rotate(config.data_dir.parent / "courtyard.yaml") == 0
    found = (config.data_dir / "master.key").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 1234, 0o600)


def test_before_the_first_start_there_is_nothing(config: Config) -> None:
    for command in (cli.status, cli.rotate):
        with pytest.raises(OperatorError, match="there is no key store yet"):
            command(config.data_dir.parent / "courtyard.yaml")
    assert not list(config.data_dir.glob("*.db*"))


def test_status_changes_nothing(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    with open_storage(config) as storage:
        add(storage, 0, 2)
        current = storage.vault.keys.current_id()
    key = lines(config)
    (config.data_dir / "master.key").write_text(base64.b64encode(os.urandom(32)).decode() + "\n" + key[0])
    code, shown = status(config, capsys)
    assert code == 1
    assert shown["master"] == current
    assert shown["given"] != [current]
    (config.data_dir / "master.key").write_text(key[0])
    assert status(config, capsys)[0] == 0


def test_wrong_keys_through_the_command_line(config: Config) -> None:
    with open_storage(config):
        pass
    file = str(config.data_dir.parent / "courtyard.yaml")
    (config.data_dir / "master.key").write_text(base64.b64encode(os.urandom(32)).decode())
    for command in (("run",), ("vault", "status"), ("vault", "rotate")):
        process = courtyard(*command, "-c", file)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "another master key" in err
        assert [line for line in err.splitlines() if line.startswith("courtyard:")] == err.splitlines()
        assert out == ""


def test_only_one_rotation_at_a_time(config: Config) -> None:
    with open_storage(config) as storage:
        add(storage, 0, 1)
    with (
        cli._one_at_a_time(config.data_dir),
        pytest.raises(OperatorError, match="another rotation"),
    ):
        cli.rotate(config.data_dir.parent / "courtyard.yaml")
    with open_storage(config) as storage, pytest.raises(OperatorError), exclusive(storage.db.engine, "@bot:x.org"):
        pass
