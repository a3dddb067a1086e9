"""`courtyard demo`."""

import importlib.util
from pathlib import Path

from bridge.errors import OperatorError


def demo(data_dir: Path, port: int) -> int:
    """Run the demo; the exit code.

    Raises:
        OperatorError: it can't be started; one line says why.
    """
    if importlib.util.find_spec("synapse") is None:
        raise OperatorError(
            "demo: no homeserver is installed; use `make demo`, or install the extra `courtyard[demo]`."
        )
    from bridge.demo.main import run

    return run(data_dir, port)
