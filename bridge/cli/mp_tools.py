"""The work behind `courtyard mp …`. Every function returns the exit code: 0 all well, 1 something to mend."""

import asyncio
import contextlib
import difflib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bridge.config import load as load_config
from bridge.config.private_file import write_new
from bridge.config.programs import MiniProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms import guest, package
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Faulty
from bridge.miniprograms.program import Program, Trapped
from bridge.miniprograms.sandbox import Sandbox
from bridge.miniprograms.tools import cases, project, recording
from bridge.miniprograms.tools.conformance import run as run_conformance
from bridge.miniprograms.tools.fuzzing import fuzz as fuzz_once
from bridge.miniprograms.tools.simulator import Settings, Simulator

if TYPE_CHECKING:
    from bridge.cli.mp_remote import Where

_MAX_KEY = 4096


def limits_of(config: Path | None) -> MiniProgramsConfig:
    """The limits that programs are tried under."""
    return load_config(config).miniprograms if config is not None else MiniProgramsConfig()


def load(path: Path, limits: MiniProgramsConfig) -> Program:
    """The program in a folder or a package."""
    if path.is_dir():
        return project.load(path, limits)
    return read_package(path, limits).program


def read_package(path: Path, limits: MiniProgramsConfig) -> package.Package:
    try:
        with path.open("rb") as opened:
            raw = opened.read(4 * limits.bundle_bytes + 1_000_000)
    except OSError as error:
        raise OperatorError(f"{path}: {(error.strerror or 'can not be read').lower()}.") from None
    try:
        return package.read(raw, limits)
    except Faulty as error:
        raise OperatorError("\n".join(f"{path}: {fault}" for fault in error.faults)) from None


def sandbox(limits: MiniProgramsConfig) -> Sandbox:
    """A sandbox as the bot has one; it is to be closed."""
    return Sandbox(limits, lambda: guest.artifact(guest.cache_folder()))


@contextlib.asynccontextmanager
async def sandboxed(limits: MiniProgramsConfig) -> AsyncIterator[Sandbox]:
    """The same, closed afterwards."""
    box = sandbox(limits)
    try:
        yield box
    finally:
        await box.close()


def new(name: str, folder: Path, *, remote: bool = False) -> int:
    for file in project.create(folder, name, remote=remote):
        print(f"wrote {file}")
    then = "see docs/mini-programs.md, Your own server" if remote else "then courtyard mp test, and courtyard mp run"
    print(f"\nNext: cd {folder}, {then}.")
    return 0


def check(path: Path, config: Path | None) -> int:
    limits = limits_of(config)
    program = load(path, limits)
    is_here = program.manifest.url is None
    trapped = asyncio.run(_trap_of_opening(program, limits)) if is_here else None
    main = program.manifest.main
    if program.manifest.commands:
        from bridge.cli.mp_words import clashes  # all features

        for clash in clashes(program.manifest):
            print(f"{path}: {clash}", file=sys.stderr)
    for line, hint in project.hints(program):
        print(f"{path / (main or '') if path.is_dir() else main}:{line}: {hint}", file=sys.stderr)
    if trapped is not None:
        print(f"courtyard: {path}: open fails: {trapped}", file=sys.stderr)
        return 1
    if path.is_file():
        signers = read_package(path, limits).signers
        print("\n".join(f"signed by {signer}" for signer in signers) or "not signed")
    print("ok")
    return 0


async def _trap_of_opening(program: Program, limits: MiniProgramsConfig) -> Trapped | None:
    found: list[Trapped] = []
    async with sandboxed(limits) as box:
        for language in program.manifest.languages:
            settings = Settings(locale=language, grants=frozenset(program.manifest.scopes))
            simulator = Simulator(
                program,
                box,
                settings,
                lambda _, handled: found.append(handled) if isinstance(handled, Trapped) else None,
            )
            await simulator.open("alice")
    return found[0] if found else None


def golden(folder: Path, config: Path | None, where: "Where | None" = None, *, update: bool) -> int:
    limits = limits_of(config)
    program = project.load(folder, limits)
    files = sorted((folder / project.CASES).glob("*.txt"))
    if not files:
        raise OperatorError(
            f"{folder / project.CASES}: there is no case here; `courtyard mp run --case FILE` writes one."
        )
    wrong = asyncio.run(_play(files, program, limits, where, update))
    print(f"{len(files) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


async def _play(
    files: list[Path], program: Program, limits: MiniProgramsConfig, where: "Where | None", update: bool
) -> int:
    from bridge.cli.mp_remote import running

    wrong = 0
    async with running(program, limits, where) as (program, box):
        for file in files:
            case = cases.read(file)
            now = await cases.played(case, program, box, limits)
            if now == case.text:
                continue
            if update:
                file.write_text(now, "utf-8")
                print(f"wrote {file}")
                continue
            wrong += 1
            before, after = case.text.splitlines(), now.splitlines()
            for line in difflib.unified_diff(before, after, f"{file} (expected)", f"{file} (shown)", lineterm=""):
                print(line)
    return wrong


def replay(file: Path, path: Path, config: Path | None, where: "Where | None" = None) -> int:
    from bridge.cli.mp_remote import running

    limits = limits_of(config)
    entries, subject = recording.read(file), load(path, limits)

    async def run() -> int:
        async with running(subject, limits, where) as (program, box):
            different = await recording.replayed(entries, program, box)
        for number, entry, now in different:
            print(f"{file}:{number}: {entry.event.type} comes to something else:")
            print("\n".join(recording.difference(entry.came_to, now)))
        print(f"{len(entries) - len(different)} of {len(entries)} events came to the same")
        return 1 if different else 0

    return asyncio.run(run())


def fuzz(path: Path, runs: int, seed: int, output: Path, config: Path | None, where: "Where | None" = None) -> int:
    from bridge.cli.mp_remote import running

    limits = limits_of(config)
    subject = load(path, limits)

    async def run() -> str | None:
        async with running(subject, limits, where) as (program, box):
            for number in range(seed, seed + runs):
                failure = await fuzz_once(program, box, number)
                if failure is not None:
                    print(f"conversation {number} fails: {failure.trapped}\n")
                    print("\n".join(failure.steps))
                    return recording.line(failure.event, failure.trapped)
        print(f"{runs} conversations, none failed")
        return None

    failed = asyncio.run(run())
    if failed is None:
        return 0
    output.write_text(failed, "utf-8")
    print(f"\nThe event is in {output}: courtyard mp replay {output}")
    return 1


def pack(folder: Path, output: Path | None, config: Path | None) -> int:
    program = project.load(folder, limits_of(config))
    file = output or Path(f"{program.manifest.name}-{program.manifest.version}{package.SUFFIX}")
    file.write_bytes(package.pack(program))
    print(f"wrote {file}")
    return 0


def make_key(file: Path) -> None:
    """Write a new secret key into a new file."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_new(file, pem)
    except OSError as error:
        raise OperatorError(f"{file}: {(error.strerror or 'can not be written').lower()}.") from None


def sign(file: Path, key_file: Path, config: Path | None, *, make: bool) -> int:
    limits = limits_of(config)
    read_package(file, limits)
    if make:
        make_key(key_file)
    key = read_key(key_file)
    file.write_bytes(package.sign(file.read_bytes(), key, limits))
    print(f"signed by {package.public_name(key.public_key())}")
    return 0


def read_key(file: Path) -> Ed25519PrivateKey:
    try:
        with file.open("rb") as opened:
            key = load_pem_private_key(opened.read(_MAX_KEY), None)
    except OSError as error:
        raise OperatorError(f"{file}: {(error.strerror or 'can not be read').lower()}; --new-key makes one.") from None
    except (ValueError, TypeError):
        raise OperatorError(f"{file}: is no key in PEM without a password; --new-key makes one.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise OperatorError(f"{file}: is another kind of key; Ed25519 is needed.")
    return key


def conformance(subject: str, config: Path | None, where: "Where | None" = None, *, make_key: bool = False) -> int:
    from bridge.cli.mp_remote import Where, known_key, remote_conformance

    limits = limits_of(config)
    where = where or Where()
    if make_key:
        return known_key(where)
    if "://" in subject:
        where, subject = replace(where, url=subject), "."
    program = load(Path(subject), limits)

    async def run() -> int:
        if where.url is not None or program.manifest.url is not None:
            results = await remote_conformance(program, where, limits)
        else:
            async with sandboxed(limits) as box:
                results = await run_conformance(program, box)
        for result in results:
            print(f"{'FAIL' if result.fault else 'ok  '} {result.check}")
            if result.fault:
                print("\n".join(f"       {line}" for line in result.fault.splitlines()))
        wrong = sum(result.fault is not None for result in results)
        print(f"{len(results) - wrong} passed, {wrong} failed")
        return 1 if wrong else 0

    return asyncio.run(run())


def print_logs(_: Event, handled: object) -> None:
    """What the program wrote to its console, for its developer."""
    for line in getattr(handled, "logs", ()):
        print(f"  log: {line}", file=sys.stderr)
