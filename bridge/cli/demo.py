"""`courtyard demo`."""

import importlib
import importlib.util
from collections.abc import Callable

from bridge.errors import OperatorError


def demo(arguments: list[str]) -> int:
    """Run the demo with its own arguments; the exit code."""
    if importlib.util.find_spec("synapse") is None:
        raise OperatorError(
            "demo: no homeserver is installed; use `make demo`, or install the extra `courtyard[demo]`."
        )
    main: Callable[[list[str]], int] = importlib.import_module("bridge.demo").main
    return main(arguments)
