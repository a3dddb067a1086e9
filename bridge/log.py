"""Logs: structured, to standard error, and from INFO up without anything that is about a person.

Identifiers of Matrix are masked in every value, exceptions are reduced to their types and frames, and what libraries
say is reduced to where they said it, because their texts quote events and responses. DEBUG shows all of it: it is for
tests.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]

MASK = "[masked]"
_LIBRARIES = ("nio", "aiohttp", "aiohttp_socks", "sqlalchemy", "alembic", "asyncio", "PIL", "urllib3", "py.warnings")
_OURS = "bridge"
_MAX_TEXT = 4096
_MAX_ITEMS = 50
_MAX_DEPTH = 4
_MAX_FRAMES = 30
_MAX_CAUSES = 8

_SERVER = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.\-]+)(?:(?::|%3A)\d{1,5})?"
# Also as they stand in URLs (%40, %21, %24, %23, %3A). Room ids have had no server since room version 12.
_IDENTIFIERS = re.compile(
    rf"(?:@|%40)[^\s:@%]{{0,255}}(?:%[0-9A-Fa-f]{{2}}[^\s:@%]{{0,255}}){{0,64}}?(?::|%3A){_SERVER}"
    rf"|(?<!\w)(?:[!$#]|%21|%24|%23)[A-Za-z0-9_\-][^\s:,;'\"(){{}}\[\]&?%]*(?:(?::|%3A){_SERVER})?"
    r"|mxc://\S+"
    r"|(?:access_token=|Bearer\s+)[^\s&'\"]+",
    re.IGNORECASE,
)
_CUT = re.compile(r"(?:[@!$#%]|mxc:)\S*\Z")


def mask(text: str) -> str:
    """The text with user, room, event and alias ids, media addresses and tokens replaced; at most 4096 characters."""
    if len(text) > _MAX_TEXT:
        # An identifier that the cut halves would not be recognized any more.
        text = _CUT.sub("", text[:_MAX_TEXT]) + "…"
    return _IDENTIFIERS.sub(MASK, text)


def _masked(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, BaseException):
        return type(value).__qualname__  # its text may quote what a person wrote
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth >= _MAX_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {mask(str(key)): _masked(item, depth + 1) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    return mask(str(value))


def mask_identifiers(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: no identifier leaves in a record of INFO or above, whatever key or value it hides in."""
    if method == "debug":
        return event
    return {mask(str(key)): value if key == "exception" else _masked(value) for key, value in event.items()}


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{_short(code.co_filename)}:{traceback.tb_lineno}:{code.co_name}")
        traceback = traceback.tb_next
    if len(frames) > _MAX_FRAMES:
        half = _MAX_FRAMES // 2
        frames = [*frames[:half], f"… {len(frames) - 2 * half} more", *frames[-half:]]
    yield from frames


def _short(filename: str) -> str:
    """The path inside the package directory: where it is installed is nobody's business."""
    parts = filename.replace("\\", "/").split("/")
    for root in ("site-packages", "lib", _OURS, "tests"):
        if root in parts:
            at = len(parts) - 1 - parts[::-1].index(root)
            keep = parts[at:] if root in (_OURS, "tests") else parts[at + 1 :]
            if keep:
                return "/".join(keep)
    return parts[-1]


def describe(error: BaseException) -> list[dict[str, Any]]:
    """Type and frames of an exception, its causes and, for a group, its members. Never a value."""
    found: list[dict[str, Any]] = []
    waiting: list[tuple[BaseException, str]] = [(error, "error")]
    seen: set[int] = set()
    while waiting and len(found) < _MAX_CAUSES:
        current, role = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        kind = type(current)
        entry = {"type": f"{kind.__module__}.{kind.__qualname__}", "frames": list(_frames(current.__traceback__))}
        found.append(entry if role == "error" else {"as": role, **entry})
        if current.__cause__ is not None:
            waiting.append((current.__cause__, "cause"))
        elif current.__context__ is not None and not current.__suppress_context__:
            waiting.append((current.__context__, "while"))
        if isinstance(current, BaseExceptionGroup):
            waiting.extend((member, "member") for member in current.exceptions)
    return found


def reduce_exceptions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: `exc_info` becomes `exception`, types and frames only."""
    info = event.pop("exc_info", None)
    error: BaseException | None = None
    if isinstance(info, BaseException):
        error = info
    elif isinstance(info, tuple):
        error = info[1]
    elif info:
        error = sys.exc_info()[1]
    event.pop("stack_info", None)
    if error is not None:
        event["exception"] = describe(error)
    return event


def _reduce_libraries(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor for records of the standard library's logging: of foreign ones only the place is kept."""
    record: logging.LogRecord = event["_record"]
    if record.name == _OURS or record.name.startswith(_OURS + "."):
        return event
    event["event"] = f"a message of the library {record.name.partition('.')[0]}"
    event["where"] = f"{_short(record.pathname)}:{record.lineno}:{record.funcName}"
    event.pop("positional_args", None)
    return event


def _console_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: on a console an exception is lines below the message, not a structure."""
    exception = event.get("exception")
    if isinstance(exception, list):
        lines = []
        for entry in exception:
            lines.append(f"{entry.get('as', 'error')}: {entry['type']}")
            lines += [f"  {frame}" for frame in entry["frames"]]
        event["exception"] = "\n".join(lines)
    return event


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is at the time; a closed stderr is no reason to fail."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:
        # The standard one prints the record's arguments, whatever they hold.
        return


def set_up(level: Level = "info", format: Literal["json", "console"] = "console") -> None:
    """Route structlog and the standard library's logging to standard error. May be called again."""
    debug = level == "debug"
    number = logging.getLevelNamesMapping()[level.upper()]
    guards: list[Processor] = [] if debug else [reduce_exceptions, mask_identifiers]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor]
    if format == "json":
        shown: list[Processor] = [structlog.processors.dict_tracebacks] if debug else []
        renderer = [*shown, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    else:
        plain = structlog.dev.plain_traceback
        colors = sys.stderr is not None and sys.stderr.isatty()
        renderer = [_console_exception, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, *([] if debug else [_reduce_libraries])],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *guards, *renderer],
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _ToStandardError()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _ToStandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO))
    logging.getLogger(_OURS).setLevel(number)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # What it calls an error is a stranger's garbage, of which anybody could fill the log.
    logging.getLogger("nio.crypto").setLevel(logging.WARNING if debug else logging.CRITICAL)
    logging.captureWarnings(True)
    logging.raiseExceptions = False
