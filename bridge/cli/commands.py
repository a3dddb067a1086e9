"""The commands and their options. The work is in the modules that they import."""

import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bridge import __version__
from bridge.cli.mp import mp

app = typer.Typer(
    name="courtyard",
    help="Moments, mini-programs and exact privacy controls in an end-to-end encrypted Matrix chat.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@dataclass
class Options:
    debug: bool = False


options = Options()

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", metavar="FILE")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors. They may hold personal data.")]
DEFAULT_FILE = Path("courtyard.yaml")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"courtyard {__version__}")
        raise typer.Exit


@app.callback()
def _all(
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    options.debug = debug


@app.command()
def init(
    config: ConfigFile = DEFAULT_FILE,
    homeserver: Annotated[
        str | None, typer.Option(help="Server name or address of the homeserver, e.g. example.org.")
    ] = None,
    user_id: Annotated[str | None, typer.Option(help="Matrix id of the bot's account.")] = None,
    password_file: Annotated[
        str | None, typer.Option(help="File that holds the password; - reads one line from standard input.")
    ] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Log in to see whether all is right.")] = True,
) -> None:
    """Write a configuration for an account. Asks, and logs in to check."""
    from bridge.cli.init import Given, initialize

    initialize(config, Given(homeserver, user_id, password_file), check=check)


@app.command()
def check_config(config: ConfigFile = DEFAULT_FILE) -> None:
    """Print "ok", or all mistakes in a configuration."""
    from bridge.cli.check_config import check_config as check

    sys.exit(check(config))


@app.command()
def run(config: ConfigFile = DEFAULT_FILE, debug: Debug = False) -> None:
    """Run the bot. Prints `READY @bot:server` once it answers people; SIGTERM stops it."""
    options.debug = options.debug or debug
    gc.disable()  # what is loaded now stays; `run` enables it again
    from bridge.cli.run import run as run_bot

    sys.exit(run_bot(config))


identity = typer.Typer(
    help="The bot's cross-signing identity: why others can trust its device.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(identity, name="identity")

PasswordFile = Annotated[
    str | None,
    typer.Option(help="File with the account's password, if the configuration has only a token; - reads stdin."),
]


@identity.command("status")
def identity_status(config: ConfigFile = DEFAULT_FILE) -> None:
    """Print as JSON whether the bot can be trusted and recovered; exit code 1 if something is wrong."""
    from bridge.cli.identity import status

    sys.exit(status(config))


@identity.command("fingerprint")
def identity_fingerprint(config: ConfigFile = DEFAULT_FILE) -> None:
    """Print the keys of the bot's device and identity, to be compared by hand."""
    from bridge.cli.identity import fingerprint

    sys.exit(fingerprint(config))


@identity.command("recover")
def identity_recover(
    config: ConfigFile = DEFAULT_FILE,
    recovery_key: Annotated[
        str | None, typer.Option(help="File with the recovery key; - reads stdin. Default: the configured one.")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="A file that `identity export` wrote.")] = None,
    password_file: PasswordFile = None,
) -> None:
    """Get the bot's identity back with its recovery key, and sign the device. The bot must be stopped."""
    from bridge.cli.identity_change import recover

    sys.exit(recover(config, recovery_key, export, password_file))


@identity.command("reset")
def identity_reset(
    config: ConfigFile = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: everybody who verified the bot will be warned.")] = False,
    password_file: PasswordFile = None,
) -> None:
    """Make a new identity and a new recovery key. The bot must be stopped."""
    from bridge.cli.identity_change import reset

    sys.exit(reset(config, password_file, confirmed=yes))


@identity.command("export")
def identity_export(
    config: ConfigFile = DEFAULT_FILE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the identity, encrypted with the recovery key.")
    ] = None,
    recovery_key: Annotated[Path | None, typer.Option(help="File for the recovery key itself.")] = None,
) -> None:
    """Write the identity, or the recovery key, into a new file that only you can read."""
    from bridge.cli.identity import export

    sys.exit(export(config, output, recovery_key))


vault = typer.Typer(
    help="The keys that people's data is sealed under, and the master key that wraps them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(vault, name="vault")


@vault.command("status")
def vault_status(config: ConfigFile = DEFAULT_FILE) -> None:
    """Print as JSON which master keys wrap how many keys; exit code 1 if something is to be done."""
    from bridge import log
    from bridge.cli.vault import status

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(status(config))


@vault.command("rotate")
def vault_rotate(config: ConfigFile = DEFAULT_FILE) -> None:
    """Exchange the master key, also while the bot runs. May be broken off and called again."""
    from bridge import log
    from bridge.cli.vault import rotate

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(rotate(config))


admin = typer.Typer(
    help="How much there is, never what; a way in for emergencies that people are told of; the ledger.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(admin, name="admin")


@admin.command("status")
def admin_status(config: ConfigFile = DEFAULT_FILE) -> None:
    """Print as JSON how much there is of everything."""
    from bridge import log
    from bridge.cli.admin import status

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(status(config))


@admin.command("open")
def admin_open(
    person: Annotated[str, typer.Argument(help="Matrix id (or number) of the person.", metavar="PERSON")],
    reason: Annotated[str, typer.Option(help="Why. The person reads it, in a notice and in their `log`.")],
    what: Annotated[
        list[str] | None, typer.Option(help="profile, friends, moments or comments; repeatable. Nothing else is shown.")
    ] = None,
    config: ConfigFile = DEFAULT_FILE,
) -> None:
    """Break the glass: print what was asked for of a person, who is told. It is written down before it is shown."""
    from bridge import log
    from bridge.cli.admin import open_contents

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(open_contents(config, person, what or [], reason))


@admin.command("retention")
def admin_retention(
    config: ConfigFile = DEFAULT_FILE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count: this is all that the command does.")] = True,
) -> None:
    """Print as JSON how much the bot would delete now for being old, by class; null: never. Nothing is changed."""
    from bridge import log
    from bridge.cli.admin import retention

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(retention(config))


@admin.command("verify-log")
def admin_verify_log(
    config: ConfigFile = DEFAULT_FILE,
    head: Annotated[
        str | None, typer.Option(help="A head that was noted earlier. Default: the last one in the epoch directory.")
    ] = None,
) -> None:
    """Follow the ledger from its first entry; exit code 1 if anything was changed, taken out or cut off."""
    from bridge import log
    from bridge.cli.admin import verify_log

    log.set_up("info", "console")  # to standard error: what is printed is for programs
    sys.exit(verify_log(config, head))


@app.command()
def backup(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; it must not be there yet.")],
    config: ConfigFile = DEFAULT_FILE,
    recipient: Annotated[
        list[str] | None,
        typer.Option(help="Who can open it (age1…); repeatable. Default: the configured ones."),
    ] = None,
) -> None:
    """Write an encrypted backup of everything, also while the bot runs."""
    from bridge.cli.backup import backup as write

    sys.exit(write(config, output, recipient or []))


@app.command()
def backup_key(
    output: Annotated[Path, typer.Argument(help="The file for the secret key. Keep it away from this machine.")],
) -> None:
    """Make a key for backups, in a new file; prints its public part, the recipient."""
    from bridge.cli.backup import backup_key as make

    sys.exit(make(output))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: Annotated[Path, typer.Option("--identity", "-i", help="File with the secret key that opens it.")],
    config: ConfigFile = DEFAULT_FILE,
    keys: Annotated[
        Path | None, typer.Option(help="A newer backup, to take the people's keys from: for one whose epoch is over.")
    ] = None,
) -> None:
    """Fill an empty database from a backup. The bot then logs in as a new device, with the same identity."""
    from bridge.cli.backup import restore as restore_from

    sys.exit(restore_from(config, file, identity, keys))


app.add_typer(mp, name="mp")


@app.command()
def demo(
    data_dir: Annotated[Path, typer.Option(help="Where the demo keeps its data; delete it to start afresh.")] = Path(
        ".demo"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the homeserver on 127.0.0.1.")] = 8008,
) -> None:
    """Try it on this machine, with a homeserver of its own.

    Starts a homeserver, the bot, and alice, bob and carol, and opens a chat in this terminal.
    """
    from bridge.cli.demo import demo as run_demo

    sys.exit(run_demo(data_dir, port))
