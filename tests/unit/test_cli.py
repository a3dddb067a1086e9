"""The command line as the operator meets it: exit codes, one line for each mistake, no tracebacks."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bridge import __version__
from bridge.cli import report
from bridge.cli.init import Given, initialize
from bridge.cli.probe import check_login, find_homeserver
from bridge.config import load, load_recovery_key, save_recovery_key
from bridge.errors import OperatorError

SECRET = "correct-horse-battery"
ROOT = Path(__file__).parents[2]
MATRIX = 'matrix: {{homeserver: "{}", user_id: "@courtyard:localhost", password: ' + SECRET + "}}\n"


def courtyard(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def write(directory: Path, text: str) -> Path:
    path = directory / "courtyard.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


# --- the commands --------------------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert courtyard("--version").stdout == f"courtyard {__version__}\n"
    shown = courtyard("--help").stdout
    for command in ("init", "check-config", "run", "backup", "backup-key", "restore", "demo", "admin", "admin"):
        assert command in shown


def test_help_imports_nothing_heavy() -> None:
    heavy = ("nio", "aiohttp", "sqlalchemy", "pydantic", "PIL")
    code = f"import sys, bridge.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_check_config_says_ok(tmp_path: Path) -> None:
    done = courtyard("check-config", "-c", str(write(tmp_path, MATRIX.format("https://matrix.example.org"))))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_every_mistake_is_a_line(tmp_path: Path, command: str) -> None:
    path = write(tmp_path, MATRIX.format("nowhere") + "limits: {page_size: many}\nsurprise: 1\n")
    done = courtyard(command, "-c", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.partition(f"{path}:")[2].split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["1", "matrix.homeserver"],
        ["2", "limits.page_size"],
        ["3", "surprise"],
    ]
    assert SECRET not in done.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = courtyard("run", "-c", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no such file" in done.stderr


def test_a_wrong_option_is_exit_2() -> None:
    assert courtyard("run", "--nonsense").returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_before_the_bot_is_ready_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()  # until the bot closes the connection: there is never an answer
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        path = write(tmp_path, MATRIX.format(f"http://127.0.0.1:{port}"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "run", "-c", str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                await asked.wait()
                process.send_signal(number)
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, err.decode()
    assert out == b""
    assert b"Traceback" not in err


def test_an_unexpected_error_shows_its_place_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=SECRET) as caught:
        int(SECRET)
    assert report(ExceptionGroup(SECRET, [caught.value]), debug=False) == 1
    shown = capsys.readouterr().err
    assert SECRET not in shown
    assert "ValueError" in shown
    assert "test_cli.py" in shown
    assert len(shown.splitlines()) == 1


def test_errors_of_the_operator_are_found_inside_groups(capsys: pytest.CaptureFixture[str]) -> None:
    error = ExceptionGroup("all", [ExceptionGroup("part", [OperatorError("database: mend it.")])])
    assert report(error, debug=False) == 2
    assert capsys.readouterr().err == "courtyard: database: mend it.\n"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(OperatorError("mend it."), debug=True) == 2
    assert "bridge.errors.OperatorError" in capsys.readouterr().err


# --- init ----------------------------------------------------------------------------------------------------------


def test_init_writes_a_configuration_that_loads(tmp_path: Path) -> None:
    path = tmp_path / "courtyard.yaml"
    done = courtyard(
        "init", "-c", str(path), "--homeserver", "https://matrix.example.org", "--user-id", "@courtyard:example.org",
        "--password-file", "-", "--no-check", stdin=f" {SECRET}\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    config = load(path, {})
    assert config.matrix.password is not None
    assert config.matrix.password.get_secret_value() == f" {SECRET}"
    assert SECRET not in path.read_text()
    for file in (tmp_path / "secrets" / "matrix-password", tmp_path / "var" / "store.key"):
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert courtyard("check-config", "-c", str(path)).stdout == "ok\n"


@pytest.mark.parametrize("existing", ["courtyard.yaml", "secrets/matrix-password"])
def test_init_overwrites_nothing(tmp_path: Path, existing: str) -> None:
    file = tmp_path / existing
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    done = courtyard("init", "-c", str(tmp_path / "courtyard.yaml"), "--password-file", "-", stdin="x\n")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert file.read_text() == "mine"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [file]


@pytest.mark.parametrize("flag", ["--homeserver", "--user-id", "--password-file"])
def test_init_without_a_terminal_names_the_flag_it_lacks(tmp_path: Path, flag: str) -> None:
    given = {
        "--homeserver": "https://matrix.example.org",
        "--user-id": "@courtyard:example.org",
        "--password-file": "-",
    }
    arguments = [part for name, value in given.items() if name != flag for part in (name, value)]
    done = courtyard("init", "-c", str(tmp_path / "c.yaml"), "--no-check", *arguments, stdin="x\n")
    assert done.returncode == 2
    assert flag in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_init_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the directory should be")
    (tmp_path / "password").write_text(SECRET)
    given = Given("https://matrix.example.org", "@courtyard:example.org", str(tmp_path / "password"))
    with pytest.raises(OperatorError, match=r"Not a directory|can't be"):
        initialize(tmp_path / "courtyard.yaml", given, check=False)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["password", "var"]


def set_up(directory: Path) -> tuple[Path, Path]:
    """What `init` writes, without a homeserver: the configuration and the recovery key's file."""
    (directory / "password").write_text(SECRET)
    given = Given("https://matrix.example.org", "@courtyard:example.org", str(directory / "password"))
    initialize(directory / "courtyard.yaml", given, check=False)
    return directory / "courtyard.yaml", directory / "var" / "recovery-key"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_recovery_key_is_shown_on_a_terminal_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    _, key_file = set_up(tmp_path)
    key = key_file.read_text().strip()
    out, err = capsys.readouterr()
    assert (key in out) == terminal
    assert key not in err
    assert str(key_file) in out
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert load_recovery_key(key_file) is not None


def test_a_recovery_key_that_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "var").mkdir()
    save_recovery_key(tmp_path / "var" / "recovery-key", bytes(range(32)))
    before = (tmp_path / "var" / "recovery-key").read_text()
    _, key_file = set_up(tmp_path)
    assert key_file.read_text() == before
    assert before.strip() not in capsys.readouterr().out


# --- the probe, against servers that are not what they should be ------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[dict[str, Handler]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handlers: dict[str, Handler]) -> str:
        app = web.Application()
        for path, handler in handlers.items():
            app.router.add_route("*", path, handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def answer(body: object, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))

    return handler


VERSIONS = "/_matrix/client/versions"
WELL_KNOWN = "/.well-known/matrix/client"
LOGIN = "/_matrix/client/v3/login"


async def test_an_address_that_is_the_homeserver(serve: Serve) -> None:
    base = await serve({VERSIONS: answer({"versions": ["v1.11"]})})
    assert await find_homeserver(f"{base}/") == base


async def test_the_server_name_as_an_address_leads_to_the_homeserver(serve: Serve) -> None:
    base = await serve({VERSIONS: answer({"versions": []})})
    front = await serve({WELL_KNOWN: answer({"m.homeserver": {"base_url": base + "/"}})})
    assert await find_homeserver(front) == base


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<html>", 200),
        ("[" * 100_000, 200),
        ("[]", 200),
        ({"versions": "all"}, 200),
        ({"versions": []}, 404),
        ("x" * 2_000_000, 200),
        ({}, 500),
    ],
)
async def test_what_is_no_homeserver_is_one_line(serve: Serve, body: object, status: int) -> None:
    base = await serve({VERSIONS: answer(body, status)})
    with pytest.raises(OperatorError, match=r"^homeserver: ") as caught:
        await find_homeserver(base)
    assert len(str(caught.value)) < 300


@pytest.mark.hostile
@pytest.mark.parametrize(
    "body",
    [
        "[]",
        {"m.homeserver": 1},
        {"m.homeserver": {"base_url": 1}},
        {"m.homeserver": {"base_url": "file:///etc/passwd"}},
    ],
)
async def test_a_strange_well_known_file_is_one_line(serve: Serve, body: object) -> None:
    with pytest.raises(OperatorError, match=r"^homeserver: "):
        await find_homeserver(await serve({WELL_KNOWN: answer(body)}))


@pytest.mark.parametrize("text", ["", "two words", "example.org/path", "http://", "https://[::1", "http://127.0.0.1:1"])
async def test_addresses_that_can_not_be_reached(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^homeserver: "):
        await find_homeserver(text)


def login_server(status: int, body: object, seen: list[object]) -> dict[str, Handler]:
    async def login(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"flows": [{"type": "m.login.password"}]})
        seen.append(await request.json())
        return web.Response(status=status, text=json.dumps(body), headers={"Location": "/elsewhere"})

    async def logout(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        seen.append("elsewhere")
        return web.json_response({})

    return {LOGIN: login, "/_matrix/client/v3/logout": logout, "/elsewhere": elsewhere}


async def test_a_log_in_is_followed_by_a_log_out(serve: Serve) -> None:
    seen: list[object] = []
    body = {"access_token": "token", "user_id": "@courtyard:example.org", "device_id": "A"}
    base = await serve(login_server(200, body, seen))
    assert await check_login(base, "courtyard", SECRET) == "@courtyard:example.org"
    assert seen[1:] == ["Bearer token"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {"errcode": "M_FORBIDDEN", "error": SECRET}, "Check both"),
        (403, {"errcode": "M_USER_DEACTIVATED"}, "deactivated"),
        (429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}, "wait 3 s"),
        (429, {"retry_after_ms": "soon"}, "a few minutes"),
        (500, {"errcode": "\x1b[2J"}, "answered 500. "),
        (200, {"access_token": 1}, "answered 200"),
        (307, {}, "answered 307"),
    ],
)
async def test_a_refusal_is_told_in_a_line_and_the_password_goes_nowhere_else(
    serve: Serve, status: int, body: object, said: str
) -> None:
    seen: list[object] = []
    base = await serve(login_server(status, body, seen))
    with pytest.raises(OperatorError) as caught:
        await check_login(base, "courtyard", SECRET)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(seen) == 1


async def test_a_server_without_passwords_is_told(serve: Serve) -> None:
    base = await serve({LOGIN: answer({"flows": [{"type": "m.login.sso"}, 5]})})
    with pytest.raises(OperatorError, match="access_token_file"):
        await check_login(base, "courtyard", SECRET)


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    path = write(tmp_path, MATRIX.format("https://matrix.example.org"))
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bridge", "check-config", "-c", str(path)],
            stdout=write_end, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(write_end)
    assert "Traceback" not in done.stderr
