"""`courtyard check-config`."""

import sys
from pathlib import Path

from bridge.config import ConfigError, load_with_warnings


def check_config(path: Path) -> int:
    """Print "ok" or every problem; the exit code."""
    try:
        loaded = load_with_warnings(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("ok")
    return 0
