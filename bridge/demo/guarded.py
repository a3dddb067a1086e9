"""Runs a module as a process that ends when its caller is gone, however that happened.

    create_subprocess_exec(*guarded.command("synapse.app.homeserver", "-c", "homeserver.yaml"), stdin=PIPE)

Standard input is a pipe that the caller holds open and never writes to: its end means that the caller is gone, also
after a kill -9. This works on every Unix; Linux's "parent death signal" would be tied to the thread that started the
process. Only the standard library is imported, so that the program that runs here finds a clean interpreter.
"""

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

GRACE_S = 2.0
"""Seconds that the program has to end by itself once its caller is gone."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `python -m module arguments` guarded. The working directory is not imported from."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), module, *arguments]


def _end_with_the_caller() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    # Where this package lies, in case the caller found it by its working directory.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    program = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(program, run_name="__main__", alter_sys=True)
