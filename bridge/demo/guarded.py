"""Runs a module as a process that ends when its caller is gone, however that happened.

    python -m bridge.demo.guarded MODULE [ARGUMENT ...]

Standard input is a pipe that the caller holds open and never writes to: its end means that the caller is gone.
"""

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_S = 5.0


def _end_with_the_caller() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
