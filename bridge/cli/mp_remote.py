"""Trying a program that runs on a server, with the tools of its developer."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bridge.cli.mp_tools import make_key, read_key, sandboxed
from bridge.config.programs import MiniProgramsConfig, ProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms.package import public_name
from bridge.miniprograms.program import Program, Runtime
from bridge.miniprograms.remote import trying
from bridge.miniprograms.remote.conformance import Checks
from bridge.miniprograms.tools.conformance import Result, opening
from bridge.miniprograms.tools.conformance import run as run_conformance


@dataclass(frozen=True, slots=True)
class Where:
    """Which server is asked, and as whom."""

    url: str | None = None
    """None: the one of the manifest."""
    key: Path | None = None
    certificates: Path | None = None


def known_key(where: Where) -> int:
    """Make the key, and print what the server has to be told."""
    if where.key is None:
        raise OperatorError("mp conformance: --new-key needs the file to make, with --key.")
    make_key(where.key)
    print(f"requests are signed by {public_name(read_key(where.key).public_key())}")
    return 0


def door(where: Where) -> trying.NearDoor:
    if where.certificates is None:
        return trying.NearDoor()
    try:
        return trying.NearDoor(ssl.create_default_context(cafile=str(where.certificates)))
    except OSError as error:
        raise OperatorError(f"{where.certificates}: {error.strerror or 'has no certificates'}.") from None


def program_at(program: Program, where: Where) -> Program:
    """The program, as it is asked from here."""
    if where.key is None:
        raise OperatorError(
            "mp: its server knows whom it serves by their keys: give the secret one with --key; `mp conformance"
            " --key FILE --new-key` makes it and prints what the server has to be told."
        )
    return trying.at(program, where.url, read_key(where.key).private_bytes_raw())


async def remote_conformance(program: Program, where: Where, limits: MiniProgramsConfig) -> list[Result]:
    program, way = program_at(program, where), door(where)
    checks = Checks(program, way, limits, lambda identity: opening(program, identity))
    return await run_conformance(program, trying.Trying(bounds(limits), way), checks.every())


@contextlib.asynccontextmanager
async def running(
    program: Program, limits: MiniProgramsConfig, where: Where | None
) -> AsyncIterator[tuple[Program, Runtime]]:
    """Where the program runs: in a sandbox as the bot has one, or on its server; and the program, as it is asked."""
    where = where or Where()
    if program.manifest.url is None and where.url is None:
        async with sandboxed(limits) as box:
            yield program, box
    else:
        yield program_at(program, where), trying.Trying(bounds(limits), door(where))


def bounds(limits: MiniProgramsConfig) -> ProgramsConfig:
    """The limits as the host has them."""
    return limits if isinstance(limits, ProgramsConfig) else ProgramsConfig(**dict(limits))
