"""The command line. What takes time to import is imported by the command that needs it."""

import contextlib
import sys
import traceback

from bridge.cli.commands import app, options
from bridge.errors import OperatorError


def main() -> None:
    """Run the command in sys.argv and exit: 0 done, 1 unexpected error, 2 something for the operator to mend."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away. Closing now, or Python complains when it flushes at exit.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        sys.exit(1)
    except Exception as error:
        sys.exit(report(error, debug=options.debug))


def report(error: BaseException, *, debug: bool) -> int:
    """Tell the operator about `error` on standard error; the exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    mendable = operator_errors(error)
    if mendable:
        for each in mendable:
            print(f"courtyard: {each}", file=sys.stderr)
        return mendable[0].exit_code
    if not debug:
        from bridge.log import describe

        described = describe(error)
        # In a group the members tell what happened.
        inner = next((entry for entry in described if not entry["type"].endswith("ExceptionGroup")), described[0])
        place = f" at {inner['frames'][-1]}" if inner["frames"] else ""
        print(
            f"courtyard: an unexpected error: {inner['type']}{place}. "
            "This is a fault of the program; `courtyard --debug …` shows all of it.",
            file=sys.stderr,
        )
    return 1


def operator_errors(error: BaseException) -> list[OperatorError]:
    """The errors inside `error`, which may be a group, that the operator can mend."""
    if isinstance(error, OperatorError):
        return [error]
    if isinstance(error, BaseExceptionGroup):
        return [found for member in error.exceptions for found in operator_errors(member)]
    return []
