"""Installing the programs that come with Courtyard."""

from bridge.config.programs import ProgramsConfig
from bridge.db import Tx
from bridge.miniprograms import builtin, package
from bridge.miniprograms.host import updating
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.tools import project


def install_builtin(tx: Tx, programs: Programs, limits: ProgramsConfig) -> list[str]:
    """Bring them to the versions that came with this one of Courtyard, where the operator wants them at all. A program
    of the same name that the operator installed stays. The names of what changed."""
    if not limits.builtin:
        return []
    changed = []
    for folder in builtin.folders():
        packed = package.read(package.pack(project.load(folder, limits)), limits)
        name = packed.program.manifest.name
        row = tx.sql("SELECT package, builtin FROM programs WHERE name = ?", (name,)).first()
        if row is None or (row.builtin and row.package != packed.payload):
            updating.install(tx, programs, packed, limits, builtin=True)
            changed.append(name)
    return changed
