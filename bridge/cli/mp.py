"""`courtyard mp …`: what developers of mini-programs work with. No homeserver is needed for any of it."""

from pathlib import Path
from typing import Annotated

import typer

mp = typer.Typer(
    help="Make, try and hand on mini-programs. See docs/mini-programs.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(help="The program's folder, with its manifest.", metavar="FOLDER")]
Subject = Annotated[Path, typer.Argument(help="The program's folder, or a package.", metavar="PROGRAM")]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Take the limits of this configuration; else the defaults.", metavar="FILE"),
]
At = Annotated[str | None, typer.Option(help="Of a program on a server: the address to ask.", metavar="URL")]
Key = Annotated[Path | None, typer.Option("--key", "-k", help="The secret key that its server knows.")]
HERE = Path(".")


@mp.command()
def new(
    name: Annotated[str, typer.Argument(help="What people will type behind `open`.")],
    into: Annotated[Path | None, typer.Option(help="The folder to make; by default, its name.")] = None,
    remote: Annotated[bool, typer.Option("--remote", help="One that runs on a server of yours.")] = False,
) -> None:
    """Make the folder of a new program that works, with a golden case."""
    from bridge.cli.mp_tools import new as run

    raise typer.Exit(run(name, into or Path(name), remote=remote))


@mp.command()
def check(program: Subject = HERE, config: Config = None) -> None:
    """Look it over: manifest, code, limits, signatures. Prints "ok", or every mistake with its line."""
    from bridge.cli.mp_tools import check as run

    raise typer.Exit(run(program, config))


@mp.command("run")
def simulate(
    program: Subject = HERE,
    person: Annotated[str, typer.Option("--as", help="Who types; `bob> text` types as somebody else.")] = "alice",
    room: Annotated[bool, typer.Option("--room", help="In a room with several people.")] = False,
    language: Annotated[str, typer.Option(help="The language of the people.")] = "en",
    seed: Annotated[str, typer.Option(help="What chance follows from.")] = "simulator",
    grant: Annotated[list[str] | None, typer.Option(help="A scope that is granted when asked for; repeatable.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write every event and answer to this file.")] = None,
    case: Annotated[Path | None, typer.Option(help="Write the conversation as a golden case.")] = None,
    at: At = None,
    key: Key = None,
    config: Config = None,
) -> None:
    """Open it in this terminal, as people would in their chat. Ctrl-D ends it."""
    from bridge.cli.mp_remote import Where
    from bridge.cli.mp_run import World, run

    world = World(person, room, language, seed, tuple(grant or ()))
    raise typer.Exit(run(program, world, record, case, config, Where(at, key)))


@mp.command("test")
def golden(
    program: Folder = HERE,
    update: Annotated[bool, typer.Option("--update", help="Write what is shown now into the cases.")] = False,
    at: At = None,
    key: Key = None,
    config: Config = None,
) -> None:
    """Play its golden cases, the files in tests/, and compare what is shown."""
    from bridge.cli.mp_remote import Where
    from bridge.cli.mp_tools import golden as run

    raise typer.Exit(run(program, config, Where(at, key), update=update))


@mp.command()
def replay(
    recording: Annotated[Path, typer.Argument(help="What `mp run --record` or `mp fuzz` wrote.")],
    program: Subject = HERE,
    at: At = None,
    key: Key = None,
    config: Config = None,
) -> None:
    """Give recorded events to the program again, and tell which come to something else now."""
    from bridge.cli.mp_remote import Where
    from bridge.cli.mp_tools import replay as run

    raise typer.Exit(run(recording, program, config, Where(at, key)))


@mp.command()
def fuzz(
    program: Subject = HERE,
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="Random conversations.")] = 100,
    seed: Annotated[int, typer.Option(help="The first one; each next one adds 1.")] = 1,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where an event that fails is written.")] = Path(
        "failure.jsonl"
    ),
    at: At = None,
    key: Key = None,
    config: Config = None,
) -> None:
    """Hold random conversations with it, until one fails."""
    from bridge.cli.mp_remote import Where
    from bridge.cli.mp_tools import fuzz as run

    raise typer.Exit(run(program, runs, seed, output, config, Where(at, key)))


@mp.command()
def pack(
    program: Folder = HERE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="By default NAME-VERSION.mp.")] = None,
    config: Config = None,
) -> None:
    """Write it into one file, which an operator can install."""
    from bridge.cli.mp_tools import pack as run

    raise typer.Exit(run(program, output, config))


@mp.command()
def sign(
    package: Annotated[Path, typer.Argument(help="What `mp pack` wrote; the signature is added to it.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="File with your secret key.")],
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key first, in a new file.")] = False,
    config: Config = None,
) -> None:
    """Sign a package with your Ed25519 key, and print the public key that operators compare."""
    from bridge.cli.mp_tools import sign as run

    raise typer.Exit(run(package, key, config, make=new_key))


@mp.command()
def conformance(
    program: Annotated[
        str,
        typer.Argument(
            help="A folder or a package; or the address of a program on a server, whose manifest is in this folder.",
            metavar="URL|BUNDLE",
        ),
    ] = ".",
    key: Annotated[Path | None, typer.Option("--key", "-k", help="The secret key that its server knows.")] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key first, in a new file, and stop.")] = False,
    certificates: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) that its server is trusted by.", metavar="FILE")
    ] = None,
    config: Config = None,
) -> None:
    """Run the public suite: what every program has to stand, wherever it runs."""
    from bridge.cli.mp_remote import Where
    from bridge.cli.mp_tools import conformance as run

    raise typer.Exit(run(program, config, Where(None, key, certificates), make_key=new_key))


# --- for operators ----------------------------------------------------------------------------------------------------

Package = Annotated[Path, typer.Argument(help="What `mp pack` wrote.", metavar="PACKAGE")]
Name = Annotated[str, typer.Argument(help="The name of an installed program.")]
Installation = Annotated[Path, typer.Option("--config", "-c", help="The bot's configuration.", metavar="FILE")]
BOT = Path("courtyard.yaml")


@mp.command("list")
def list_programs(config: Installation = BOT) -> None:
    """Print as JSON which programs are installed in a bot."""
    from bridge.cli.mp_operate import show as run

    raise typer.Exit(run(config))


@mp.command()
def review(package: Package, config: Installation = BOT) -> None:
    """Print what installing a package would change: who signed it, what it may ask for. Exit code 1: for more."""
    from bridge.cli.mp_operate import review as run

    raise typer.Exit(run(package, config))


@mp.command()
def install(
    package: Package,
    config: Installation = BOT,
    key: Annotated[list[str] | None, typer.Option(help="A key that you trust, ed25519:…; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what it may ask people for.")] = False,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Take a package that nobody has signed.")] = False,
) -> None:
    """Install a package in a bot, or update to it, also while the bot runs."""
    from bridge.cli.mp_operate import install as run

    raise typer.Exit(run(package, config, key or [], agree=yes, unsigned=unsigned))


@mp.command()
def key(
    name: Name,
    config: Installation = BOT,
    new: Annotated[bool, typer.Option("--new", help="Make the next key; the one before stays in use.")] = False,
    use_new: Annotated[bool, typer.Option("--use-new", help="Use the next key from now on.")] = False,
) -> None:
    """Print the key that requests to a program's server are signed with, for its developer; or change it."""
    from bridge.cli.mp_operate import key as run

    raise typer.Exit(run(name, config, new=new, use_new=use_new))


@mp.command()
def rollback(name: Name, config: Installation = BOT) -> None:
    """Take the version before the last update."""
    from bridge.cli.mp_operate import roll_back as run

    raise typer.Exit(run(name, config))


@mp.command()
def remove(name: Name, config: Installation = BOT) -> None:
    """Remove a program from a bot, with all that it stored for people."""
    from bridge.cli.mp_operate import remove as run

    raise typer.Exit(run(name, config))


@mp.command()
def allow(name: Name, config: Installation = BOT) -> None:
    """Let people open a program again; it is not suspended any more, either."""
    from bridge.cli.mp_operate import allow as run

    raise typer.Exit(run(name, config, allowed=True))


@mp.command()
def deny(name: Name, config: Installation = BOT) -> None:
    """Let nobody open a program. Where it is open it is closed; what it stored stays."""
    from bridge.cli.mp_operate import allow as run

    raise typer.Exit(run(name, config, allowed=False))
