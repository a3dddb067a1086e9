"""The configuration: what loads, and that every mistake is named with its line and never with a secret."""

import base64
import os
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from bridge.config import Config, ConfigError, load, load_or_create_store_key, load_with_warnings
from bridge.config.example import EXAMPLE_VALUES, render
from bridge.errors import OperatorError
from bridge.ids import UserId

EXAMPLE = Path(__file__).parents[2] / "config" / "courtyard.example.yaml"
SECRET = "correct-horse-battery"
MATRIX = (
    f'matrix: {{homeserver: "https://matrix.example.org", user_id: "@courtyard:example.org", password: {SECRET}}}\n'
)


def write(directory: Path, text: str) -> Path:
    path = directory / "courtyard.yaml"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def problems(directory: Path, text: str, env: dict[str, str] | None = None) -> list[tuple[int | None, str, str]]:
    path = write(directory, text)
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    assert caught.value.exit_code == 2
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    return [(p.line, p.key, p.message) for p in caught.value.problems]


def test_the_example_loads_and_has_every_default(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE.read_text("utf-8"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "matrix-password").write_text(SECRET + "\n")
    config = load(path, {})
    assert config.matrix.password is not None
    assert config.matrix.password.get_secret_value() == SECRET
    minimal = load(write(tmp_path, MATRIX), {})
    for section in Config.model_fields:
        if section not in ("matrix", "data_dir"):
            assert getattr(config, section) == getattr(minimal, section)
    assert config.data_dir == tmp_path / "var"
    assert config.database_url == f"sqlite:///{tmp_path}/var/courtyard.db"
    assert config.store_key_file == tmp_path / "var" / "store.key"


def test_every_field_is_explained_in_the_example() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert text == render(EXAMPLE_VALUES, defaults_live=True), "run: python -m bridge.config.example"
    for name, field in Config.model_fields.items():
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            assert re.search(rf"^# .+\n{name}: ", text, re.MULTILINE), name
            continue
        section = re.search(rf"^# .+\n{name}:\n((?:  .*\n)+)", text, re.MULTILINE)
        assert section, name
        for key in field.annotation.model_fields:
            assert re.search(rf"^  # .+\n  (?:# )?{key}: ", section[1], re.MULTILINE), f"{name}.{key}"
    for limit, field in Config.model_fields["limits"].annotation.model_fields.items():  # type: ignore[union-attr]
        unit = r"bytes|pixels|characters|seconds|minute|hours|days|at once|[Ff]riend|[Pp]eople|Moments|[Ee]vents"
        assert re.search(unit, field.description or ""), limit


def test_what_init_writes_leaves_the_defaults_as_comments() -> None:
    text = render(EXAMPLE_VALUES, defaults_live=False)
    assert {k: v for k, v in yaml.safe_load(text).items() if v} == {"matrix": dict(EXAMPLE_VALUES["matrix"])}


def test_all_problems_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
matrix:
  homeserver: matrix.example.org
  user_idd: "@courtyard:example.org"
  password_file: secrets/missing
limits:
  page_size: many
  friends: 0
chat:
  language: no
access:
  deny_servers: evil.example
moments: 5
surprise: 1
""",
    )
    assert [(line, key) for line, key, _ in found] == [
        (1, "matrix.user_id"),
        (2, "matrix.homeserver"),
        (3, "matrix.user_idd"),
        (4, "matrix.password_file"),
        (6, "limits.page_size"),
        (7, "limits.friends"),
        (9, "chat.language"),
        (11, "access.deny_servers"),
        (12, "moments"),
        (13, "surprise"),
    ]
    text = {key: message for _, key, message in found}
    assert text["matrix.user_idd"] == "unknown key; did you mean user_id?"
    assert text["limits.page_size"] == "should be a whole number"
    assert text["limits.friends"] == "should be at least 1"
    assert text["chat.language"] == "should be one of: en, zh"
    assert "no such file" in text["matrix.password_file"]


@pytest.mark.parametrize(
    "line",
    [
        f"  user_id: [{SECRET}]\n  homeserver: {SECRET}",
        f"  homeserver: 'https://[{SECRET}'",
        f"  homeserver: 'https://{SECRET}\u2100'",
        f"  homeserver: https://x:{SECRET}",
        f"  password: [{SECRET}]",
        f"  device_id: {{{SECRET}: 1}}\n  password: {SECRET}",
        f"  password: {SECRET}\n  password: {SECRET}",
        f"  password: &{SECRET} x",
        f"  password: *{SECRET}",
        f"  password: !{SECRET}!x y",
        f"  password: @{SECRET}",
        f"  password: '{SECRET}",
        f'  password: "\\q{SECRET}"',
        f"  password: %{SECRET}",
        f"  password: {SECRET}: {SECRET}",
        f"  password: x\n {SECRET}\n   - a",
    ],
)
def test_a_value_is_never_shown(tmp_path: Path, line: str) -> None:
    assert problems(tmp_path, f"matrix:\n{line}\n")


def test_duplicate_keys_are_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, MATRIX + "limits:\n  friends: 1\n  friends: 2\n")
    assert found == [(4, "limits.friends", "stands here for the second time (first in line 3); remove one")]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n",
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "x" * 300_000,
        "a: !!python/object/apply:os.system [id]\n",
        "limits: {friends: " + "9" * 10_000 + "}",
        "limits: {friends: .nan, picture_seconds: .inf}",
        "? [a, b]\n: c\n",
        "<<: {a: b}\n",
        "--- a\n--- b\n",
        "\x00",
        "just text",
        "- a\n- b\n",
    ],
    ids=range(14),
)
def test_hostile_yaml_is_refused_quickly(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_bytes_that_are_no_utf8_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "courtyard.yaml"
    path.write_bytes(b"data_dir: var\nmatrix: \xff\n")
    with pytest.raises(ConfigError, match=r"courtyard\.yaml:2: not UTF-8"):
        load(path, {})


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.yaml", {})


def test_any_key_comes_from_the_environment(tmp_path: Path) -> None:
    env = {
        "COURTYARD_MATRIX__HOMESERVER": "http://localhost:8008/",
        "COURTYARD_MATRIX__PASSWORD": SECRET,
        "COURTYARD_MATRIX__USER_ID": "@courtyard:localhost",
        "COURTYARD_LIMITS__PAGE_SIZE": "7",
        "COURTYARD_LIMITS__PICTURE_SECONDS": "2.5",
        "COURTYARD_MOMENTS__REACTIONS": "false",
        "COURTYARD_ACCESS__DENY_SERVERS": "evil.example, *.bad.example",
        "COURTYARD_DATA_DIR": "state",
        "COURTYARD_SERVICE_HOST": "10.0.0.1",  # set by Kubernetes for a service of this name
        "OTHER": "x",
    }
    config = load(write(tmp_path, "limits: {page_size: 3}\nmatrix: {password_file: gone}\n"), env)
    assert config.matrix.homeserver == "http://localhost:8008"
    assert config.limits.page_size == 7
    assert config.limits.picture_seconds == 2.5
    assert config.moments.reactions is False
    assert config.access.deny_servers == ("evil.example", "*.bad.example")
    assert config.data_dir == tmp_path / "state"


def test_problems_in_the_environment_name_the_variable(tmp_path: Path) -> None:
    path = write(tmp_path, MATRIX)
    env = {"COURTYARD_LIMITS__PAGE_SIZE": SECRET, "COURTYARD_LIMITS__PAGESIZE": "4", "COURTYARD_MATRIX": SECRET}
    with pytest.raises(ConfigError) as caught:
        load(path, env)
    assert SECRET not in str(caught.value)
    assert {(p.source, p.key) for p in caught.value.problems} == {
        ("COURTYARD_LIMITS__PAGE_SIZE", "limits.page_size"),
        ("COURTYARD_LIMITS__PAGESIZE", "limits.pagesize"),
        ("COURTYARD_MATRIX", "matrix"),
    }


def test_secret_files_are_checked(tmp_path: Path) -> None:
    for name, content in {"empty": b" \n", "binary": b"\xff\xfe", "lines": b"one\ntwo\n"}.items():
        (tmp_path / name).write_bytes(content)
        text = MATRIX.replace(f"password: {SECRET}", f"password_file: {name}")
        [(line, key, message)] = problems(tmp_path, text)
        assert (line, key) == (1, "matrix.password_file")
        assert "one line" in message
    os.mkfifo(tmp_path / "pipe")
    [(_, _, message)] = problems(tmp_path, MATRIX.replace(f"password: {SECRET}", "password_file: pipe"))
    assert message == "is no file"


def test_key_files_are_checked_with_everything_else(tmp_path: Path) -> None:
    (tmp_path / "store.key").write_text("x")
    (tmp_path / "store.key").chmod(0o644)
    (tmp_path / "master.key").mkdir()
    keys = (
        "secrets:\n  store_key_file: store.key\n  master_key_file: master.key\n"
        "  recovery_key_file: ~nobody-here/key\nsurprise: 1\n"
    )
    text = MATRIX.rstrip("\n") + "\n" + keys
    start = MATRIX.rstrip("\n").count("\n") + 1
    assert [(line, key) for line, key, _ in problems(tmp_path, text)] == [
        (start + 2, "secrets.store_key_file"),
        (start + 3, "secrets.master_key_file"),
        (start + 5, "surprise"),
    ]
    assert "chmod 600" in problems(tmp_path, text)[0][2]
    (tmp_path / "store.key").chmod(0o600)
    # What is not there yet is made at the first start.
    (tmp_path / "master.key").rmdir()
    load(write(tmp_path, text.replace("surprise: 1\n", "")), {})


def test_secrets_that_others_can_read_are_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, MATRIX)
    assert load_with_warnings(path, {}).warnings == ()
    path.chmod(0o644)
    [warning] = load_with_warnings(path, {}).warnings
    assert (warning.line, warning.key) == (1, "matrix.password")
    assert SECRET not in str(warning)
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "password").chmod(0o644)
    path = write(tmp_path, MATRIX.replace(f"password: {SECRET}", "password_file: password"))
    [warning] = load_with_warnings(path, {}).warnings
    assert warning.key == "matrix.password_file"


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ("device_name: x", "needs either"),
        (f"password: {SECRET}, access_token: {SECRET}", "needs either"),
        (f"access_token: {SECRET}", "needs device_id"),
        (f"password: {SECRET}, device_id: A", "goes with access_token"),
        (f"password: {SECRET}, password_file: x", "not both"),
    ],
)
def test_there_is_one_way_to_log_in(tmp_path: Path, login: str, message: str) -> None:
    [(line, _, said)] = problems(tmp_path, MATRIX.replace(f"password: {SECRET}", login))
    assert line == 1
    assert message in said


def test_a_token_with_its_device_loads(tmp_path: Path) -> None:
    config = load(write(tmp_path, MATRIX.replace("password:", "device_id: ABC, access_token:")), {})
    assert config.matrix.access_token is not None
    assert config.matrix.password is None


def test_secrets_stay_out_of_representations_and_nothing_changes(tmp_path: Path) -> None:
    text = MATRIX + "database: {url: postgresql://courtyard:" + SECRET + "@localhost/courtyard}\n"
    config = load(write(tmp_path, text), {})
    assert SECRET not in repr(config) + str(config) + config.model_dump_json()
    assert SECRET in config.database_url
    with pytest.raises(ValidationError):
        config.limits.friends = 3


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, MATRIX + "database: {url: 'sqlite:///here.db'}\nsecrets: {store_key_file: keys/store.key}\n")
    monkeypatch.chdir("/")
    config = load(path, {})
    assert config.database_url == f"sqlite:///{tmp_path}/here.db"
    assert config.store_key_file == tmp_path / "keys" / "store.key"


def test_who_may_have_files_deleted(tmp_path: Path) -> None:
    assert load(write(tmp_path, MATRIX), {}).matrix.media_admin_token is None, "off unless it is asked for"
    (tmp_path / "token").write_text(f"{SECRET}\n")
    (tmp_path / "token").chmod(0o600)
    more = MATRIX.replace("}", ', media_admin_token_file: token, media_admin_url: "http://synapse:8008/"}')
    loaded = load_with_warnings(write(tmp_path, more), {})
    matrix = loaded.config.matrix
    assert matrix.media_admin_token is not None
    assert matrix.media_admin_token.get_secret_value() == SECRET
    assert SECRET not in repr(loaded.config)
    assert matrix.media_admin_url == "http://synapse:8008"
    [warning] = loaded.warnings
    assert warning.key == "matrix.media_admin_url"
    alone = MATRIX.replace("}", ', media_admin_url: "https://synapse.example.org"}')
    [(_, key, message)] = problems(tmp_path, alone)
    assert key == "matrix"
    assert "media_admin_token_file" in message


def test_limits_of_single_people(tmp_path: Path) -> None:
    text = """\
retention:
  moments_days: 100
  people:
    "@alice:example.org": {moments_days: never, inactive_days: 40}
    "@bob:example.org":
      log_days:
"""
    retention = load(write(tmp_path, MATRIX + text), {}).retention
    alice, bob = (retention.people[UserId(f"@{name}:example.org")] for name in ("alice", "bob"))
    assert (alice.moments_days, alice.log_days, alice.inactive_days) == ("never", None, 40)
    assert bob.log_days is None
    long = f"@{'a' * 200}:example.org"
    text = f'retention: {{people: {{"{long}": {{log_days: 3}}}}}}\n'
    assert load(write(tmp_path, MATRIX + text), {}).retention.people[UserId(long)].log_days == 3
    text = """\
retention:
  people:
    "@alice:example.org":
      log_day: 3
      moments_days: 0
      requests_days: 30
    bob: {log_days: 3}
    "@carol:example.org": {moments_days: 0.5, inactive_days: true}
    "@dave:example.org": 3
    "@alice:example.org": {}
"""
    found = {(line, key): message for line, key, message in problems(tmp_path, text)}
    alice_s = "retention.people.@alice:example.org"
    assert found[4, f"{alice_s}.log_day"] == "unknown key; did you mean log_days?"
    assert found[5, f"{alice_s}.moments_days"] == "should be a number of days from 1 to 36500, or never"
    assert found[6, f"{alice_s}.requests_days"] == "should be a number of days from 90 to 36500, or never"
    assert "Matrix user id" in found[7, "retention.people.bob"]
    assert {key for line, key in found if line == 8} == {
        f"retention.people.@carol:example.org.{what}_days" for what in ("moments", "inactive")
    }
    assert found[9, "retention.people.@dave:example.org"] == "should be a section with keys of its own"
    assert "second time" in found[10, alice_s]
    [(_, key, message)] = problems(tmp_path, MATRIX, {"COURTYARD_RETENTION__PEOPLE": "@alice:example.org"})
    assert (key, message) == ("retention.people", "should be a section with keys of its own")


def test_access_rules(tmp_path: Path) -> None:
    rules = (
        "access: {allow_servers: ['*.example.org', 'exa?ple.org'], deny_servers: ['bad.*'], deny_people: ['@carol*']"
    )
    access = load(write(tmp_path, MATRIX + rules + "}\n"), {}).access
    assert access.allows(UserId("@alice:example.org"))
    assert access.allows(UserId("@alice:EXAMPLE.org:8448"))
    assert access.allows(UserId("@alice:m.example.org"))
    assert not access.allows(UserId("@alice:other.org"))
    assert not access.allows(UserId("@alice:bad.example.org"))
    assert not access.allows(UserId("@carol:example.org"))
    assert access.serves(UserId("@carol:example.org"))
    assert not access.serves(UserId("@alice:bad.example.org"))
    assert not access.serves(UserId("@alice:other.org"))
    assert access.accepts_invite(UserId("@alice:example.org"), dm=True)
    assert not access.accepts_invite(UserId("@alice:example.org"), dm=False)
    rooms = load(write(tmp_path, MATRIX + "access: {invites: allowed, room_inviters: ['@alice:*']}\n"), {}).access
    assert rooms.accepts_invite(UserId("@alice:example.org"), dm=False)
    assert not rooms.accepts_invite(UserId("@bob:example.org"), dm=False)


@pytest.mark.hostile
def test_patterns_take_no_exponential_time(tmp_path: Path) -> None:
    access = load(write(tmp_path, MATRIX + f"access: {{deny_people: ['{'*a' * 60}b']}}\n"), {}).access
    assert access.allows(UserId("@" + "a" * 200 + ":example.org"))


def test_the_store_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "var" / "store.key"
    with pytest.raises(OperatorError, match="is missing"):
        load_or_create_store_key(path, may_create=False)
    key = load_or_create_store_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_store_key(path) == key
    assert os.listdir(path.parent) == ["store.key"]
    path.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_or_create_store_key(path)
    path.write_bytes(base64.b64encode(b"short"))
    path.chmod(0o600)
    with pytest.raises(OperatorError, match="32 bytes"):
        load_or_create_store_key(path)


def test_servers_that_are_developed_are_exact_and_warned_of(tmp_path: Path) -> None:
    for wrong in ("tea.example.org", "a=b:1", "a=127.0.0.1", "a=127.0.0.1:0", "a=127.0.0.1:65536", "A=127.0.0.1:1"):
        text = f'{MATRIX}miniprograms: {{development_servers: ["{wrong}"]}}\n'
        [(line, key, message)] = problems(tmp_path, text)
        assert (line, key) == (2, "miniprograms.development_servers.0")
        assert message.startswith("should be HOST=ADDRESS:PORT")
    text = MATRIX + (
        'miniprograms: {development_servers: ["a.example.org=127.0.0.1:1", "b.example.org=[::1]:2"],'
        " development_certificates: ca.pem}\n"
    )
    loaded = load_with_warnings(write(tmp_path, text), {})
    assert loaded.config.miniprograms.development_certificates == tmp_path / "ca.pem"
    [warning] = loaded.warnings
    assert warning.key == "miniprograms.development_servers"
    assert load(write(tmp_path, MATRIX), {}).miniprograms.development_servers == (), "never by default"
