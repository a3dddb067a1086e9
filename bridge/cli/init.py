"""`courtyard init`: from a few questions to a configuration that works."""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from bridge.config import encode_recovery_key, load_or_create_store_key, save_recovery_key
from bridge.config.example import render
from bridge.errors import OperatorError
from bridge.ids import UserId, parse_user_id

_SECRET = Path("secrets") / "matrix-password"


@dataclass(frozen=True, slots=True)
class Given:
    """What was given on the command line; None is asked for."""

    homeserver: str | None
    user_id: str | None
    password_file: str | None


def initialize(path: Path, given: Given, *, check: bool) -> None:
    """Ask, check and write `path`, the password's file beside it, and the store key. Nothing is overwritten.

    Raises:
        OperatorError: a file exists already, an answer is missing, or the homeserver refuses.
    """
    secret = path.parent / _SECRET
    for file in (path, secret):
        if os.path.lexists(file):
            raise OperatorError(
                f"init: {file} exists already and stays as it is. Remove it first, or name another with -c."
            )
    homeserver = given.homeserver or _ask("Homeserver (server name or address)", "--homeserver")
    user = given.user_id or _ask("Matrix id of the bot's account", "--user-id")
    password = _password(given.password_file)
    base, user_id = asyncio.run(_account(homeserver, user, password, check))
    if base.startswith("http://"):
        print("warning: the address is unencrypted http; use it only inside one machine or network.", file=sys.stderr)

    text = render(
        {"matrix": {"homeserver": base, "user_id": user_id, "password_file": _SECRET.as_posix()}}, defaults_live=False
    )
    written: list[Path] = []
    recovery, key = path.parent / "var" / "recovery-key", None
    try:
        secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, content in ((secret, password + "\n"), (path, text)):
            _write_new(file, content, written)
        load_or_create_store_key(path.parent / "var" / "store.key")
        if not os.path.lexists(recovery):  # else it is that of an earlier installation
            key = os.urandom(32)
            save_recovery_key(recovery, key)
            written.append(recovery)
    except BaseException as error:
        for file in written:
            with contextlib.suppress(OSError):
                file.unlink()
        if isinstance(error, OSError):
            raise OperatorError(f"init: {error.filename or path} can't be written ({error.strerror}).") from None
        raise
    print(f"Wrote {path}, {secret}, {path.parent / 'var' / 'store.key'} and {recovery}.")
    if key is not None and sys.stdout.isatty():
        print(f"\nRecovery key of the bot's identity, shown only here:\n\n    {encode_recovery_key(key)}\n")
    print("Keep copies of the secret files, and the recovery key away from this machine too.")
    print(f"Now start the bot: courtyard run -c {path}")


def _ask(question: str, flag: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise OperatorError(f"init: there is nobody to ask; give {flag}.")
    answer: str = typer.prompt(question, hide_input=hidden)
    return answer


def _password(file: str | None) -> str:
    if file is None:
        password = _ask("Password (not shown)", "--password-file", hidden=True)
    elif file == "-":
        password = sys.stdin.readline(65_536)
    else:
        try:
            password = Path(file).read_text("utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise OperatorError(f"init: {file} can't be read ({reason}).") from None
    password = password.rstrip("\r\n")
    if not password.strip() or "\n" in password or "\r" in password:
        raise OperatorError("init: the password should be one line of text.")
    return password


async def _account(homeserver: str, user: str, password: str, check: bool) -> tuple[str, UserId]:
    # Here, because the HTTP client takes a while to import.
    from bridge.cli.probe import check_login, find_homeserver

    user = user.strip()
    if not user.startswith("@") and ":" not in user and "://" not in homeserver:
        user = f"@{user}:{homeserver.strip()}"
    if check:
        base = await find_homeserver(homeserver)
        user = await check_login(base, user, password)
    elif "://" in homeserver:
        base = homeserver.strip().rstrip("/")
    else:
        raise OperatorError("init: without the check, give the address of the homeserver with https://")
    user_id = parse_user_id(user)
    if user_id is None:
        raise OperatorError("init: the user id should look like @courtyard:example.org.")
    return base, user_id


def _write_new(path: Path, content: str, written: list[Path]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    written.append(path)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
