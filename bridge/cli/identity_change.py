"""`courtyard identity recover` and `reset`: they write, so they work only while the bot is stopped."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import typer

from bridge import log
from bridge.app import account_settings, kept
from bridge.chat.inbound import Inbound, RoomView
from bridge.config import Config, decode_recovery_key, load, load_recovery_key
from bridge.errors import OperatorError
from bridge.matrix.account import MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, Unreachable
from bridge.matrix.identity import Standing
from bridge.matrix.identity_export import read_export
from bridge.matrix.recovery import Given
from bridge.matrix.uia import NotConfirmed

_WAIT_S = 120.0
_MAX_FILE = 65_536


def recover(path: Path, recovery_key: str | None, exported_file: Path | None, password_file: str | None) -> int:
    """Take the account's identity over with its recovery key, and sign the bot's device; the exit code."""
    config = load(path)
    log.set_up(config.log.level, config.log.format)
    given = _given(config, recovery_key, exported_file)
    settings = _with_password(replace(account_settings(config), recover_from=given), password_file)
    standing = asyncio.run(_recover(config, settings))
    if standing is Standing.OURS:
        print("The identity is in place, and the bot's device is signed by it.")
        return 0
    print("courtyard: the identity is not in place; the log above says why.", file=sys.stderr)
    return 1


async def _recover(config: Config, settings: AccountSettings) -> Standing | None:
    async with _account(config, settings) as account:
        return account.standing


def reset(path: Path, password_file: str | None, *, confirmed: bool) -> int:
    """Replace the identity by a new one; the exit code."""
    config = load(path)
    if not confirmed:
        raise OperatorError(
            "identity: a reset makes a new identity and a new recovery key; everybody who has verified the bot is "
            "warned and has to verify it again. To do that, add --yes. To get the old identity back instead, use "
            "`courtyard identity recover`."
        )
    log.set_up(config.log.level, config.log.format)
    standing = asyncio.run(_reset(config, _with_password(account_settings(config), password_file)))
    if standing is not Standing.OURS:
        print("courtyard: the new identity is not in place yet; the log above says why.", file=sys.stderr)
        return 1
    print(f"The bot has a new identity. Its recovery key is in {config.recovery_key_file}; keep a copy elsewhere.")
    print(
        "Whoever had verified the bot has to verify it again: `courtyard identity fingerprint` shows what to compare."
    )
    return 0


async def _reset(config: Config, settings: AccountSettings) -> Standing:
    async with _account(config, settings) as account:
        assert account.identity is not None
        try:
            async with asyncio.timeout(_WAIT_S):
                return await account.identity.reset()
        except NotConfirmed as error:
            raise OperatorError(f"identity: nothing was changed: {error}.") from None
        except (TimeoutError, Unreachable, TokenRevoked):
            raise OperatorError("identity: the homeserver went away in the middle; do it again.") from None
        except MatrixError as error:
            raise OperatorError(f"identity: the homeserver refused it ({error.errcode}); look into its log.") from None


@contextlib.asynccontextmanager
async def _account(config: Config, settings: AccountSettings) -> AsyncIterator[MatrixAccount]:
    """The bot's account, logged in and equipped, with nobody to answer. Refused while the bot runs."""
    limits = config.limits
    async with (
        kept(config) as storage,
        Homeserver.connect(config.matrix.homeserver, limits.request_timeout_seconds) as http,
    ):
        account = MatrixAccount(storage.db, http, storage.sealer, settings, _nobody, lambda inviter, direct: False)
        try:
            async with asyncio.timeout(_WAIT_S):
                await account.start()
        except TimeoutError:
            raise OperatorError("identity: the homeserver can't be reached; is it running?") from None
        try:
            yield account
        finally:
            await account.close()


async def _nobody(event: Inbound, room: RoomView) -> None:
    """Nothing is handled here: there is no sync."""


def _with_password(settings: AccountSettings, file: str | None) -> AccountSettings:
    if file is None:
        return settings
    password = _read(file, "the password").rstrip("\r\n")
    if not password.strip() or "\n" in password:
        raise OperatorError("identity: the password should be one line of text.")
    return replace(settings, password=password)


def _given(config: Config, recovery_key: str | None, exported_file: Path | None) -> Given | None:
    if recovery_key is not None:
        text: str | None = _read(recovery_key, "the recovery key")
    elif not config.recovery_key_file.exists() and sys.stdin.isatty():
        text = typer.prompt("Recovery key (not shown)", hide_input=True)
    else:
        text = None
    try:
        key = decode_recovery_key(text) if text is not None else load_recovery_key(config.recovery_key_file)
    except ValueError:
        raise OperatorError("identity: that is no recovery key: a sign is missing or wrong.") from None
    if exported_file is None:
        return Given(key) if key is not None else None
    if key is None:
        raise OperatorError("identity: the export can be read only with its recovery key; give --recovery-key.")
    try:
        return Given(key, read_export(_read(str(exported_file), "the export"), config.matrix.user_id, key))
    except ValueError as error:
        raise OperatorError(f"identity: the export can't be used: {error}.") from None


def _read(file: str, what: str) -> str:
    """One small file; `-` is standard input."""
    if file == "-":
        return sys.stdin.read(_MAX_FILE)
    try:
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(_MAX_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise OperatorError(f"identity: {what} can't be read from {file} ({reason}).") from None
