"""Logs: what is about a person never gets into them at INFO and above, by whatever way it comes."""

import json
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bridge import log

TEXT = "what alice wrote to bob"
IDENTIFIERS = [
    "@alice:example.org",
    "@alice:localhost:8448",
    "@Al!ce=/x+y.z:[::1]:8448",
    "@艾丽丝:example.org",
    "!abcDEF:example.org",
    "!Zq3-_oXk2Jr9w0u6nKf1B7dPyTzVhSgEaLmCxNbQ4iI",
    "$abc:example.org",
    "$Zq3-_oXk2Jr9w0u6nKf1B7dPyTzVhSgEaLmCxNbQ4iI",
    "#garden:example.org",
    "mxc://example.org/AbCdEf",
    "%40alice%3Aexample.org",
    "%21abcDEF%3Aexample.org%3A8448",
    "%24Zq3-_oXk2Jr9w0u6nKf1B7dPyTzVhSgEaLmCxNbQ4iI",
]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, filters = list(root.handlers), root.level, warnings.filters[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    warnings.filters[:] = filters  # type: ignore[index]
    logging.raiseExceptions = True
    logging.getLogger("bridge").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
@pytest.mark.parametrize("form", ["json", "console"])
def test_identifiers_are_masked_wherever_they_stand(
    identifier: str, form: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    class Holder:
        def __repr__(self) -> str:
            return f"Holder({identifier!r})"

    log.set_up("info", form)
    logger = structlog.get_logger("bridge.test")
    logger.info(f"came from {identifier}.", who=identifier, both=[{"in": (identifier,), identifier: 1}], held=Holder())
    logger.warning(
        "in %s", f"https://h/_matrix/client/v3/rooms/{identifier}/join?access_token=syt_abc", **{identifier: 1}
    )
    logging.getLogger("bridge.std").error("failed for '%s'", identifier)
    logger.bind(user=identifier).info("bound")
    with structlog.contextvars.bound_contextvars(room=identifier):
        logger.info("in a context")
    shown = capsys.readouterr().err
    assert shown.count(log.MASK) >= 9
    assert "syt_abc" not in shown
    for part in ("alice", "Al!ce", "艾丽丝", "abcDEF", "Zq3", "$abc", "garden", "AbCdEf", "example.org"):
        assert part not in shown, part


def test_plain_words_and_numbers_stay(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    structlog.get_logger("bridge.test").info(
        "started! 3 != 4", events=3, seconds=0.5, ok=True, at="12:30:00", none=None
    )
    [record] = records(capsys)
    assert record["event"] == "started! 3 != 4"
    assert (record["events"], record["seconds"], record["ok"], record["at"], record["none"]) == (
        3,
        0.5,
        True,
        "12:30:00",
        None,
    )
    assert record["level"] == "info"
    assert record["timestamp"].endswith("Z")


def _fail() -> None:
    try:
        int(TEXT)
    except ValueError as error:
        raise RuntimeError(TEXT) from error


def test_a_traceback_has_types_and_frames_but_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    logger = structlog.get_logger("bridge.test")
    try:
        try:
            _fail()
        except RuntimeError as error:
            raise ExceptionGroup(TEXT, [error, OSError(TEXT)]) from None
    except ExceptionGroup as group:
        logger.exception("handler failed", ref="a1b2", error=group)
    shown = capsys.readouterr().err
    assert TEXT not in shown
    record = json.loads(shown)
    assert record["ref"] == "a1b2"
    assert [entry["type"] for entry in record["exception"]] == [
        "builtins.ExceptionGroup",
        "builtins.RuntimeError",
        "builtins.OSError",
        "builtins.ValueError",
    ]
    frame = record["exception"][1]["frames"][-1]
    assert frame.startswith("tests/unit/test_log.py:")
    assert frame.endswith(":_fail")


def test_a_traceback_on_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "console")
    try:
        _fail()
    except RuntimeError:
        structlog.get_logger("bridge.test").exception("handler failed")
    shown = capsys.readouterr().err
    assert "error: builtins.RuntimeError" in shown
    assert ":_fail" in shown
    assert TEXT not in shown


@pytest.mark.parametrize("name", ["nio.client", "aiohttp.client", "sqlalchemy.engine", "alembic", "asyncio", "x"])
def test_libraries_are_quiet_and_their_texts_are_left_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    logger = logging.getLogger(name)
    logger.debug(TEXT)
    if name != "x":
        logger.info(TEXT)
        assert capsys.readouterr().err == ""
    logger.warning("invalid: %s", TEXT)
    logger.error(TEXT, exc_info=ValueError(TEXT))
    shown = capsys.readouterr().err
    assert TEXT not in shown
    first, second = (json.loads(line) for line in shown.splitlines())
    assert first["event"] == f"a message of the library {name.split('.')[0]}"
    assert "test_libraries" in first["where"]
    assert second["exception"][0]["type"] == "builtins.ValueError"


def test_what_strangers_do_wrong_to_olm_fills_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    logging.getLogger("nio.crypto.olm_machine").error("Failed to create new session from prekeymessage")
    assert capsys.readouterr().err == ""


def test_warnings_of_python_are_logged_without_their_text(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    warnings.simplefilter("always")
    warnings.warn(TEXT, UserWarning, stacklevel=1)
    [record] = records(capsys)
    assert TEXT not in str(record)


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("warning", "json")
    structlog.get_logger("bridge.test").info("no")
    structlog.get_logger("bridge.test").warning("yes")
    assert [record["event"] for record in records(capsys)] == ["yes"]


def test_debug_shows_everything_to_the_developer(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("debug", "console")
    structlog.get_logger("bridge.test").debug("from @alice:example.org")
    try:
        _fail()
    except RuntimeError:
        structlog.get_logger("bridge.test").exception("failed")
    shown = capsys.readouterr().err
    assert "@alice:example.org" in shown
    assert TEXT in shown


def test_setting_up_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", "json")
    log.set_up("info", "json")
    structlog.get_logger("bridge.test").info("once")
    assert len(records(capsys)) == 1


@pytest.mark.hostile
@pytest.mark.parametrize(
    "text", ["@" * 70_000, "%40" * 20_000, "@%41" * 20_000, "!a" * 30_000, "@a" * 30_000 + ":x", "mxc:" * 9000]
)
def test_masking_long_text_is_quick(text: str) -> None:
    start = time.process_time()
    assert len(log.mask(text)) <= 5 * 4096
    assert time.process_time() - start < 1


@pytest.mark.property
@given(st.text(max_size=50), st.integers(4000, 4200), st.text(alphabet="abz019._=-/+", min_size=1, max_size=20))
def test_an_identifier_is_masked_also_where_the_text_is_cut(head: str, offset: int, name: str) -> None:
    text = (head + " ").ljust(offset, "x") + f" @{name}qqq:example.org"
    assert "qqq" not in log.mask(text)
