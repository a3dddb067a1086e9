"""Another version of a program in the place of the one that is installed. Where it runs on another server, that is
somebody else: the server before is told that everybody has left (D11), and the new one nothing of whom it never met."""

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.miniprograms.host import known, leaving, removing
from bridge.miniprograms.host.generations import generation_of
from bridge.miniprograms.host.installed import Installed, Programs
from bridge.miniprograms.package import Package


def install(tx: Tx, programs: Programs, new: Package, limits: ProgramsConfig, *, builtin: bool = False) -> Installed:
    """See `Programs.install`."""
    manifest = new.program.manifest
    before = _to_be_told(tx, programs, manifest.name, manifest.server)
    program_id = programs.install(tx, new, builtin=builtin)
    after = programs.by_id(tx, program_id)
    assert after is not None
    _moved(tx, before, after, limits)
    return after


def roll_back(tx: Tx, programs: Programs, name: str, limits: ProgramsConfig) -> Installed | None:
    """See `Programs.roll_back`."""
    former = programs.former(tx, name)
    if former is None:
        return None
    before = _to_be_told(tx, programs, name, former.server)
    after = programs.roll_back(tx, name)
    assert after is not None
    _moved(tx, before, after, limits)
    return after


def _to_be_told(tx: Tx, programs: Programs, name: str, server: str | None) -> Installed | None:
    """The version of now with a row of its own, if it runs elsewhere than on this server."""
    now = programs.by_name(tx, name)
    return None if now is None or now.manifest.server == server else programs.set_aside(tx, now)


def _moved(tx: Tx, before: Installed | None, after: Installed, limits: ProgramsConfig) -> None:
    if before is None:
        return
    # Who left earlier is no affair of the new server, either.
    leaving.hand_over(tx, after.id, before)
    if before.manifest.server is not None:
        for person in known.people(tx, after.id):
            leaving.note_moved(tx, before, after.id, person, generation_of(tx, after.id, person), limits)
    if after.manifest.server is not None:
        known.forget_all(tx, after.id)
    removing.forget(tx)
