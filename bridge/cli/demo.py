"""`courtyard demo`."""

import importlib.util
from pathlib import Path

from bridge.errors import OperatorError


def demo(data_dir: Path, port: int) -> int:
    """Run the demo; the exit code.

    Raises:
        OperatorError: it can't be started; one line says why.
    """
    for module, what in (("synapse", "no homeserver is installed"), ("prompt_toolkit", "prompt_toolkit is missing")):
        if importlib.util.find_spec(module) is None:
            raise OperatorError(f"demo: {what}; use `make demo`, or install the extra `courtyard[demo]`.")
    from bridge.demo.main import run

    return run(data_dir, port)
