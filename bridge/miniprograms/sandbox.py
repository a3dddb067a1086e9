"""Running programs of strangers: in processes that have nothing, under limits, and ended when they are silent."""

import asyncio
import contextlib
import json
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from typing import Any

import structlog

from bridge import bare
from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import answer, strict_json
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Faulty
from bridge.miniprograms.frames import LENGTH, MAX_HEAD, frame
from bridge.miniprograms.program import WHAT, Handled, Program, ScriptError, Trapped

_log = structlog.get_logger(__name__)

_START_SECONDS = 60.0
_SILENT_SECONDS = 2.0
"""Beside what a program may take: then the worker is ended."""
_SILENT_FACTOR = 40
"""How many times a program's time may pass until then, on a machine that has other things to do."""
_ENDING_SECONDS = 2.0
_MAX_WAITING = 500
_JOBS_PER_WORKER = 10_000
_SMALL = 8192
"""Bytes of an answer that are checked at once: it takes about a millisecond."""
_OUTCOMES = frozenset(WHAT) - {"event", "silent", "failed", "busy"}
_PLACE = re.compile(r"<input>:(\d{1,7}):(\d{1,7})")
_STRICT = len('"use strict";')


class _WorkerFailed(Exception):
    """It ended, or answered what is no answer."""


class Sandbox:
    """A few worker processes, started when they are needed. Each runs one event at a time; others wait.

    Args:
        limits: what one event may take.
        artifact: gives the compiled guest (see `guest.artifact`); called in a thread, once.
    """

    def __init__(self, limits: MiniProgramsConfig, artifact: Callable[[], bytes]) -> None:
        self._limits = limits
        self._artifact = artifact
        self._compiled: asyncio.Task[bytes] | None = None
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._turns = asyncio.Semaphore(limits.workers)
        self._waiting = 0
        self._closed = False
        self._told = False

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers that run."""
        return tuple(worker.pid for worker in self._all if worker.alive)

    async def handle(self, program: Program, event: Event) -> Handled:
        """See `Runtime.handle`. The same program, event and limits give the same, byte for byte."""
        given = strict_json.dump(event.model_dump(mode="json"))
        room = self._limits.fetch_bytes if event.type == "fetch.result" else 0
        if len(given) > self._limits.event_bytes + room:
            raise Trapped("event", detail=f"{len(given)} bytes")
        if self._closed or self._waiting >= _MAX_WAITING:
            raise Trapped("busy")
        head: dict[str, Any] = {
            "now": event.now,
            "seed": event.seed,
            "cpu_ms": self._limits.cpu_ms,
            "memory_bytes": self._limits.memory_bytes,
            "answer_bytes": self._limits.answer_bytes,
        }
        job = frame(json.dumps(head).encode(), program.source.encode("utf-8"), given)
        self._waiting += 1
        try:
            async with self._turns:
                told, raw = await self._run(job)
        finally:
            self._waiting -= 1
        if len(raw) <= _SMALL:
            return self._handled(told, raw, program, event)
        # A large answer may take long to check; others should not wait for that.
        return await asyncio.to_thread(self._handled, told, raw, program, event)

    async def close(self) -> None:
        """End the workers, for good. Events that run or wait come to nothing."""
        self._closed = True
        if self._compiled is not None and not self._compiled.done():
            self._compiled.cancel()
        for worker in list(self._all):
            await self._end(worker)

    async def _run(self, job: bytes) -> tuple[dict[str, Any], bytes]:
        for last in (False, True):
            worker = await self._ready()
            keep = False
            try:
                async with asyncio.timeout(_SILENT_SECONDS + _SILENT_FACTOR * self._limits.cpu_ms / 1000):
                    result = await worker.ask(job, self._limits.answer_bytes)
                # An engine that fails may have been made to: what it left behind is trusted no more.
                keep = result[0]["outcome"] != "crash" and worker.jobs < _JOBS_PER_WORKER
                return result
            except TimeoutError:
                _log.warning("mini-program worker gave no answer and was ended")
                raise Trapped("silent") from None
            except (_WorkerFailed, OSError, EOFError):
                if self._closed:
                    raise Trapped("failed") from None
                # Programs have no effects of their own: it may run once more, if it was not the one to blame.
                _log.warning("mini-program worker failed and is started again")
                if last:
                    raise Trapped("failed") from None
            finally:
                # Cancelled in the middle of a job: its answer would be taken for that of the next one.
                if keep and not self._closed:
                    self._idle.append(worker)
                else:
                    await self._end(worker)
        raise AssertionError("unreachable")

    async def _ready(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await self._end(worker)
        if self._closed:
            raise Trapped("failed")
        if self._compiled is None or self._compiled.cancelled():
            self._compiled = asyncio.create_task(asyncio.to_thread(self._artifact))
        try:
            compiled = await asyncio.shield(self._compiled)
        except Exception:
            self._compiled = None  # the next one tries again
            raise
        worker = _Worker()
        self._all.add(worker)
        try:
            async with asyncio.timeout(_START_SECONDS):
                confined = await worker.start(compiled, self._limits.memory_bytes)
        except (TimeoutError, _WorkerFailed, OSError, EOFError):
            await self._end(worker)
            _log.warning("mini-program worker could not be started")
            raise Trapped("failed") from None
        except BaseException:
            await self._end(worker)
            raise
        if "seccomp" not in confined and not self._told:
            self._told = True
            _log.warning("mini-programs run without a filter of system calls; install libseccomp")
        return worker

    async def _end(self, worker: "_Worker") -> None:
        self._all.discard(worker)
        await worker.end()

    def _handled(self, told: dict[str, Any], raw: bytes, program: Program, event: Event) -> Handled:
        kind, logs, fuel = told["outcome"], told["logs"], told["fuel"]
        if kind == "error":
            raise Trapped("error", detail=str(_script_error(told["error"], program)), logs=logs)
        if kind != "answer":
            raise Trapped(kind, logs=logs)
        try:
            return Handled(answer.read(raw, event, program.manifest, self._limits), logs, fuel)
        except Faulty as error:
            raise Trapped("answer", faults=error.faults, logs=logs) from None


class _Worker:
    """One process."""

    def __init__(self) -> None:
        self.jobs = 0
        self._process: Process | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, artifact: bytes, memory_bytes: int) -> list[str]:
        """Start it; what it could do to lock itself in."""
        self._process = await asyncio.create_subprocess_exec(
            *bare.command("bridge.miniprograms.worker"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the bot, which ends the worker in its own time
        )
        await self._send(frame(json.dumps({"memory_bytes": memory_bytes}).encode(), artifact))
        head = json.loads(await self._part(MAX_HEAD))
        return [str(name) for name in head["confined"]]

    async def ask(self, job: bytes, answer_bytes: int) -> tuple[dict[str, Any], bytes]:
        self.jobs += 1
        await self._send(job)
        head, raw = await self._part(MAX_HEAD), await self._part(answer_bytes)
        return _checked(head), raw

    async def _send(self, data: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def _part(self, limit: int) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
        if length > limit:
            raise _WorkerFailed
        return await self._process.stdout.readexactly(length)

    async def end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None and process.stdout is not None and process.stdout.at_eof():
            # It is ending by itself; to kill it now could take its exit status away from asyncio, which complains.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_SECONDS):
                    await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.stdin is not None:
            process.stdin.close()
        # Its pipe may be full: what is in it has to be read, or the transport never closes.
        if process.stdout is not None:
            with contextlib.suppress(OSError, RuntimeError):
                while await process.stdout.read(65_536):
                    pass
        await process.wait()


def _checked(head: bytes) -> dict[str, Any]:
    """The head as values. A worker that a hostile program took over could answer anything."""
    try:
        told = json.loads(head)
        outcome, error, logs, fuel = told["outcome"], told["error"], told["logs"], told["fuel"]
        if outcome not in _OUTCOMES or type(fuel) is not int or not isinstance(logs, list):
            raise _WorkerFailed
        named = {name: str(error.get(name, ""))[:2000] for name in ("name", "message", "stack")}
        lines = tuple(str(line)[:1000] for line in logs[:100])
        return {"outcome": outcome, "error": named, "logs": lines, "fuel": fuel}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _WorkerFailed from None


def _script_error(error: dict[str, str], program: Program) -> ScriptError:
    """What was thrown, with the lines of the program's own file."""
    places = []
    for line, column in _PLACE.findall(error["stack"])[:5]:
        shift = _STRICT if line == "1" else 0
        places.append(f"{program.manifest.main or 'main.js'}:{line}:{max(1, int(column) - shift)}")
    return ScriptError(error["name"], error["message"], tuple(places))
