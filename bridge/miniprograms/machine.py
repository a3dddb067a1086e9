"""One event in a fresh instance of the guest: what the worker process does, without the process."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import wasmtime

from bridge.miniprograms.fuel import FUEL_PER_MS
from bridge.miniprograms.guest import new_engine
from bridge.miniprograms.wasi import MODULE, Ended, System, TooMuchOutput

REAL_FACTOR = 3
"""How many times the counted time may pass as CPU time: some instructions move whole megabytes."""
LOG_LINES, LOG_CHARS = 100, 1000
_LOG_ROOM = 65_536
_TICK_SECONDS = 0.01
_TABLE_ELEMENTS = 20_000

Outcome: TypeAlias = Literal["answer", "error", "cpu", "memory", "stack", "output", "crash"]


@dataclass(frozen=True, slots=True)
class Job:
    """One event for one program."""

    source: str
    event: str
    """JSON."""
    now: int
    seed: str
    cpu_ms: int
    memory_bytes: int
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it."""

    outcome: Outcome
    answer: bytes = b""
    """JSON, not checked; for `answer` alone."""
    error: dict[str, str] = field(default_factory=dict)
    """name, message and stack of what the program threw; for `error` alone."""
    logs: tuple[str, ...] = ()
    fuel: int = 0
    """Instructions that it took."""


def read_prelude() -> str:
    """The JavaScript that runs before each program."""
    return Path(__file__).with_name("prelude.js").read_text("utf-8")


class Machine:
    """The engine with its compiled guest. For one thread.

    Args:
        artifact: what `guest.artifact` gave.
        prelude: what `read_prelude` gave.
    """

    def __init__(self, artifact: bytes, prelude: str) -> None:
        self._engine = new_engine()
        self._module = wasmtime.Module.deserialize(self._engine, artifact)
        self._prelude = prelude
        self._system = System(0, 0)
        linker = wasmtime.Linker(self._engine)
        for wanted in self._module.imports:
            if wanted.module != MODULE or not isinstance(wanted.type, wasmtime.FuncType) or wanted.name is None:
                raise LookupError("the guest wants what there is not")
            linker.define_func(MODULE, wanted.name, wanted.type, self._of_system(wanted.name))
        self._ready = linker.instantiate_pre(self._module)
        self._watch = _Watch(self._engine)

    def run(self, job: Job) -> Ran:
        """Run one event. Ends within the bounds of the job, whatever the program does."""
        system = self._system = System(job.now, job.answer_bytes + _LOG_ROOM)
        store = wasmtime.Store(self._engine)
        fuel = job.cpu_ms * FUEL_PER_MS
        store.set_fuel(fuel)
        store.set_epoch_deadline(1)
        store.set_limits(job.memory_bytes, _TABLE_ELEMENTS, 1, 1, 1)
        outcome: Outcome = "crash"
        try:
            with self._watch.over(job.cpu_ms * REAL_FACTOR / 1000):
                outcome = self._start(job, system, store)
        except TooMuchOutput:
            outcome = "output"
        except (Ended, wasmtime.WasmtimeError):
            outcome = "crash"
        except wasmtime.Trap as trap:
            outcome = _TRAPS.get(trap.trap_code, "crash")
        used = fuel - store.get_fuel()
        system.memory = system.store = None
        if outcome != "answer":
            return Ran(outcome, logs=_logs(system.written), fuel=used)
        return _read(system.written, job.answer_bytes, used)

    def _start(self, job: Job, system: System, store: wasmtime.Store) -> Outcome:
        exports = self._ready.instantiate(store).exports(store)
        memory, initialize, allocate, start = (
            exports[name] for name in ("memory", "_initialize", "malloc", "qjs_init_argv")
        )
        assert isinstance(memory, wasmtime.Memory)
        assert isinstance(initialize, wasmtime.Func)
        assert isinstance(allocate, wasmtime.Func)
        assert isinstance(start, wasmtime.Func)
        system.memory, system.store = memory, store
        initialize(store)
        # JSON's text literals are JavaScript's. None of these has a zero byte in it, which would end the argument.
        given = ",".join(json.dumps(text, ensure_ascii=False) for text in (job.source, job.event, job.seed))
        call = f"{self._prelude}({given},{LOG_LINES},{LOG_CHARS})"
        try:
            arguments = [b"qjs\0", b"-e\0", call.encode("utf-8") + b"\0"]
        except UnicodeEncodeError:
            return "crash"
        table = 4 * len(arguments)
        place: int = allocate(store, table + sum(map(len, arguments)))
        if not place:
            return "memory"
        at, pointers = place + table, b""
        for argument in arguments:
            pointers += at.to_bytes(4, "little")
            at += len(argument)
        memory.write(store, pointers + b"".join(arguments), place)
        status: int = start(store, len(arguments), place)
        # Not 0: the prelude itself failed, for which there is one reason left.
        return "answer" if status == 0 else "memory"

    def _of_system(self, name: str):  # type: ignore[no-untyped-def]
        """A function that asks the system of the event that runs."""
        return lambda *arguments: self._system.function(name)(*arguments)


_TRAPS: dict[object, Outcome] = {
    wasmtime.TrapCode.OUT_OF_FUEL: "cpu",
    wasmtime.TrapCode.INTERRUPT: "cpu",
    wasmtime.TrapCode.STACK_OVERFLOW: "stack",
}


def _lines(written: bytearray) -> list[bytes]:
    return bytes(written).split(b"\n")[:-1]


def _logs(written: bytearray) -> tuple[str, ...]:
    found = []
    for line in _lines(written):
        if line.startswith(b"L"):
            with contextlib.suppress(ValueError):
                found.append(str(json.loads(line[1:].decode("utf-8", "replace")))[:LOG_CHARS])
    return tuple(found[:LOG_LINES])


def _read(written: bytearray, answer_bytes: int, fuel: int) -> Ran:
    logs = _logs(written)
    last = next((line for line in reversed(_lines(written)) if line[:1] in (b"A", b"E")), b"")
    if last.startswith(b"A"):
        if len(last) - 1 > answer_bytes:
            return Ran("output", logs=logs, fuel=fuel)
        return Ran("answer", last[1:], logs=logs, fuel=fuel)
    try:
        told = json.loads(last[1:].decode("utf-8", "replace"))
        error = {name: str(told[name])[:2000] for name in ("name", "message", "stack")}
    except (ValueError, LookupError, TypeError):
        return Ran("crash", logs=logs, fuel=fuel)
    if error["name"] == "InternalError" and error["message"] == "out of memory":
        return Ran("memory", logs=logs, fuel=fuel)
    if error["name"] in ("InternalError", "RangeError") and "stack" in error["message"]:
        return Ran("stack", logs=logs, fuel=fuel)
    return Ran("error", error=error, logs=logs, fuel=fuel)


class _Watch:
    """Looks at the CPU time of the thread that runs a program, and interrupts it. What else goes on does not count."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._clock = time.process_time
        self._until = 0.0
        threading.Thread(target=self._look, name="watch", daemon=True).start()

    @contextlib.contextmanager
    def over(self, seconds: float) -> Iterator[None]:
        """Interrupt what the caller does, once it took so much CPU time."""
        self._clock = _clock_of_this_thread()
        self._until = self._clock() + seconds
        self._wanted.set()
        try:
            yield
        finally:
            with self._lock:  # or the interruption that was meant for this one would hit the next
                self._wanted.clear()

    def _look(self) -> None:
        while True:
            self._wanted.wait()
            time.sleep(_TICK_SECONDS)
            with self._lock:
                if self._wanted.is_set() and self._clock() > self._until:
                    self._engine.increment_epoch()


def _clock_of_this_thread() -> Callable[[], float]:
    """The CPU time of the calling thread, to be read from any; of the whole process where the system has no such."""
    find = getattr(time, "pthread_getcpuclockid", None)
    if find is None:
        return time.process_time
    clock = find(threading.get_ident())
    return lambda: time.clock_gettime(clock)
