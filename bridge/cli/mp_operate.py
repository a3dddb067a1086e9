"""The work behind the `courtyard mp` commands of operators. The running bot takes what they change at once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bridge.cli.mp_tools import read_package
from bridge.config import Config
from bridge.config import load as load_config
from bridge.db import Tx, ledger
from bridge.db.sealing import HOUSE
from bridge.errors import OperatorError
from bridge.miniprograms.host import removing, updating
from bridge.miniprograms.host import review as permissions
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.manifest import Deletion, Manifest
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Program
from bridge.miniprograms.remote import signing
from bridge.storage import open_storage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Old:
    """What is installed under a name, if anything is."""

    installed: Installed | None = None
    program: Program | None = None
    now: Installed | None = None
    """What is installed now."""

    @property
    def manifest(self) -> Manifest | None:
        return None if self.program is None else self.program.manifest


def _known(tx: Tx, programs: Programs, name: str) -> _Old:
    found = programs.by_name(tx, name)
    return _Old() if found is None else _Old(found, programs.program(tx, found))


def review(path: Path, file: Path) -> int:
    """Print what the package would change; the exit code: 0, or 1 when it may ask for more than before."""
    config = load_config(file)
    new = read_package(path, config.miniprograms)

    def work(tx: Tx, programs: Programs) -> _Old:
        return _known(tx, programs, new.program.manifest.name)

    old = _transact(config, work)
    _print(new, old)
    return int(permissions.is_wider(new.program.manifest, old.manifest))


def install(path: Path, file: Path, keys: Sequence[str], *, agree: bool, unsigned: bool) -> int:
    """Install a package or update to it; the exit code: 0, or 1 when it asks for more and nobody has agreed."""
    config = load_config(file)
    new = read_package(path, config.miniprograms)
    manifest = new.program.manifest

    def work(tx: Tx, programs: Programs) -> tuple[_Old, str]:
        known = _known(tx, programs, manifest.name)
        old = known.installed
        if known.program == new.program:
            return known, "same"
        _check_signers(new, old, {*config.miniprograms.keys, *keys}, unsigned=unsigned)
        if old is not None and not old.builtin and not permissions.is_newer(manifest.version, old.version):
            raise OperatorError(
                f"mp install: version {old.version} of {manifest.name} is installed, which is not older; `courtyard mp"
                " rollback` takes the version before."
            )
        if permissions.is_wider(manifest, known.manifest) and not agree:
            return known, "wider"
        installed = updating.install(tx, programs, new, config.miniprograms)
        _note(tx, "install", manifest.name, manifest.version)
        return _Old(known.installed, known.program, installed), "done"

    old, outcome = _transact(config, work)
    if outcome == "same":
        print(f"{manifest.name} {manifest.version} is installed already.")
        return 0
    _print(new, old)
    if outcome == "wider":
        print("\nNothing was changed: it may ask people for the above. Agree with --yes.")
        return 1
    print(f"\n{manifest.name} {manifest.version} is installed.")
    if old.manifest is not None and old.manifest.server != manifest.server:
        _tells(old.manifest)
    if manifest.server is not None and old.now is not None:
        print(f"Requests to its server are signed with the key that its developer has to know:\n{_public(old.now)}")
    return 0


def key(name: str, file: Path, *, new: bool, use_new: bool) -> int:
    """Print the public key of requests to a program's server; make the next one, or use it."""

    def work(tx: Tx, programs: Programs) -> Installed:
        found = programs.by_name(tx, name)
        if found is None or found.manifest.server is None:
            raise OperatorError(f"mp key: there is no {name} that runs on a server; `courtyard mp list` shows them.")
        if use_new:
            if found.next_signing is None:
                raise OperatorError("mp key: there is no next key; --new makes one.")
            _note(tx, "key", name, found.version)
            return programs.use_new_key(tx, found)
        if new and found.next_signing is None:
            found = programs.new_key(tx, found)
        return found

    found = _transact(load_config(file), work)
    print(_public(found))
    if found.next_signing is not None:
        print(f"next: {signing.public_key(found.next_signing)}")
        if new:
            print("Once its developer knows both: courtyard mp key --use-new.")
    return 0


def roll_back(name: str, file: Path) -> int:
    config = load_config(file)

    def work(tx: Tx, programs: Programs) -> tuple[_Old, Installed]:
        known = _known(tx, programs, name)
        found = updating.roll_back(tx, programs, name, config.miniprograms)
        if found is None:
            raise OperatorError(f"mp rollback: there is no {name}, or no version of it before this one.")
        _note(tx, "rollback", name, found.version)
        return known, found

    before, now = _transact(config, work)
    print(f"{name} is {now.version} again.")
    if before.manifest is not None and before.manifest.server != now.manifest.server:
        _tells(before.manifest)
    return 0


def remove(name: str, file: Path) -> int:
    config = load_config(file)

    def work(tx: Tx, programs: Programs) -> Manifest:
        found = programs.by_name(tx, name)
        if found is None:
            raise OperatorError(f"mp remove: there is no {name}; `courtyard mp list` shows what is installed.")
        if found.builtin:
            raise OperatorError(f"mp remove: {name} comes with Courtyard; `courtyard mp deny` lets nobody open it.")
        removing.remove(tx, found, config.miniprograms)
        _note(tx, "remove", name, "")
        return found.manifest

    manifest = _transact(config, work)
    print(f"{name} is removed, with all that it stored here.")
    _tells(manifest)
    return 0


def allow(name: str, file: Path, *, allowed: bool) -> int:
    def work(tx: Tx, programs: Programs) -> bool:
        if not programs.allow(tx, name, allowed):
            raise OperatorError(f"mp: there is no {name}; `courtyard mp list` shows what is installed.")
        _note(tx, "allow" if allowed else "deny", name, "")
        found = programs.by_name(tx, name)
        return found is not None and programs.is_open_to_people(found)

    is_open = _transact(load_config(file), work)
    if allowed and not is_open:
        print(f"{name} is allowed here, but not by `miniprograms` in {file}.")
    else:
        print(f"People can{'' if is_open else ' not'} open {name}.")
    return 0


def show(file: Path) -> int:
    """Print as JSON what is installed. Who uses it stands nowhere in it."""

    def work(tx: Tx, programs: Programs) -> list[dict[str, object]]:
        return [
            {
                "name": one.name,
                "version": one.version,
                "before": one.former,
                "signers": list(one.signers),
                "builtin": one.builtin,
                "server": one.manifest.server,
                "open_to_people": programs.is_open_to_people(one),
                "suspended": one.suspended_until is not None,
            }
            for one in programs.every(tx)
        ]

    print(json.dumps(_transact(load_config(file), work), indent=2))
    return 0


def _check_signers(new: Package, old: Installed | None, trusted: set[str], *, unsigned: bool) -> None:
    """An update comes from whom the program came from, or from somebody whom the operator trusts."""
    signers = set(new.signers)
    if signers & trusted:
        return
    if old is not None and not old.builtin and signers & set(old.signers):
        return
    if not signers and unsigned and (old is None or not old.signers):
        return
    if not signers:
        raise OperatorError("mp install: nobody has signed it; --unsigned takes it all the same.")
    listed = "\n".join(f"  {key}" for key in new.signers)
    raise OperatorError(
        f"mp install: it is signed by nobody whom you trust:\n{listed}\n"
        "Compare the key with its developer, on another way than the package came; then give it with --key, or for"
        " good in `miniprograms.keys`."
    )


def _print(new: Package, old: _Old) -> None:
    signers = () if old.installed is None else old.installed.signers
    for line in permissions.lines(new, old.program, signers):
        print(line)


def _tells(manifest: Manifest) -> None:
    """What becomes of what its server knows, now that nothing goes there any more."""
    if manifest.server is not None:
        days = (manifest.deletion or Deletion()).days
        print(
            f"The running bot tells {manifest.server} that everybody who used it has left, until it"
            f" confirms that or {days} days are over."
        )


def _public(installed: Installed) -> str:
    return signing.public_key(installed.signing)


def _note(tx: Tx, what: str, name: str, version: str) -> None:
    ledger.append(tx, HOUSE, "program", what=what, name=name, version=version)


def _transact(config: Config, work: Callable[[Tx, Programs], T]) -> T:
    with open_storage(config, update=False) as storage:
        programs = Programs(config.miniprograms)
        return storage.db.run_sync(lambda tx: work(tx, programs))
