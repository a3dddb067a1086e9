"""Making a person's picture safe to pass on: pixels only, in another process that may fail.

A picture from a phone tells where and when it was taken, and by which device. Decoders are the usual way in for hostile
files. So every picture is decoded and encoded again, by a worker that has no secrets, and that is ended when it takes
too long.
"""

import asyncio
import contextlib
import json
import re
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from typing import Any

import structlog

from bridge import bare
from bridge.errors import UserError

_log = structlog.get_logger(__name__)

_MIMETYPES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/webp": b"RIFF", "image/gif": b"GIF89a"}
_BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,100}")
_MAX_SIDE = 20_000
_MAX_THUMBNAIL_BYTES = 2 * 1024 * 1024
_JOBS_PER_WORKER = 100
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Thumbnail:
    data: bytes
    mimetype: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Processed:
    """A picture without metadata, upright, in sRGB. Sizes are in pixels."""

    data: bytes
    mimetype: str
    width: int
    height: int
    blurhash: str
    """See MSC2448 (`xyz.amorgan.blurhash`)."""
    thumbnail: Thumbnail


class _WorkerFailed(Exception):
    """It ended, or answered what is no answer."""


class Pictures:
    """One worker process, one job at a time; others wait their turn.

    Args:
        max_bytes: of the file that comes in, and of what goes out.
        max_pixels: width times height, checked before anything is decoded.
        seconds: wall clock time of one job.
        max_waiting: jobs that may wait; more are refused.
    """

    def __init__(self, max_bytes: int, max_pixels: int, seconds: float, *, max_waiting: int = 32) -> None:
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._seconds = seconds
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._worker: Process | None = None
        self._jobs = 0
        self._closed = False

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker that is running; None: none is."""
        worker = self._worker
        return worker.pid if worker is not None and worker.returncode is None else None

    async def process(self, data: bytes, box: tuple[int, int] | None = None) -> Processed:
        """The picture in `data` (JPEG, PNG, WebP or GIF by its content), safe to pass on. `box`: pixels that its
        thumbnail has at most, if not the usual.

        A GIF keeps moving while it is short; a longer one, and other animations, are their first frame.

        Raises:
            UserError: `picture-large`, `picture-pixels`, `picture-type`, `picture-broken`, `picture-slow`,
                `picture-busy` or `picture-failed`.
        """
        if len(data) > self._max_bytes:
            raise self._too_large()
        if not data:
            raise UserError("picture-broken")
        if self._waiting >= self._max_waiting:
            raise UserError("picture-busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._run(data, box)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the worker, for good. Jobs that run or wait fail."""
        self._closed = True
        if self._worker is not None and self._worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._worker.kill()
        async with self._turn:
            await self._end_worker()

    async def _run(self, data: bytes, box: tuple[int, int] | None) -> Processed:
        if self._closed:
            raise UserError("picture-failed")
        try:
            try:
                async with asyncio.timeout(_START_SECONDS):
                    worker = await self._running_worker()
                async with asyncio.timeout(self._seconds):
                    head, picture, thumbnail = await self._ask(worker, data, box)
            except TimeoutError:
                _log.warning("picture worker took too long and was ended")
                raise UserError("picture-slow") from None
            except (_WorkerFailed, OSError, EOFError):
                _log.warning("picture worker failed and was ended")
                raise UserError("picture-failed") from None
            if "error" in head:
                raise self._refusal(head["error"])
            try:
                return _checked(head, picture, thumbnail)
            except (_WorkerFailed, KeyError, TypeError):
                _log.warning("picture worker gave a wrong answer and was ended")
                await self._end_worker()
                raise UserError("picture-failed") from None
        except UserError as error:
            if error.message_id in ("picture-slow", "picture-failed"):
                await self._end_worker()
            raise
        except BaseException:
            # Cancelled in the middle of a job: its answer would be taken for that of the next one.
            await self._end_worker()
            raise

    def _too_large(self) -> UserError:
        return UserError("picture-large", megabytes=max(1, self._max_bytes // 1_000_000))

    def _refusal(self, name: object) -> UserError:
        if name == "pixels":
            return UserError("picture-pixels", megapixels=max(1, self._max_pixels // 1_000_000))
        if name == "large":
            return self._too_large()
        if name == "type":
            return UserError("picture-type")
        return UserError("picture-broken")

    async def _running_worker(self) -> Process:
        if self._worker is not None and (self._worker.returncode is not None or self._jobs >= _JOBS_PER_WORKER):
            await self._end_worker()
        if self._worker is None:
            self._worker = await asyncio.create_subprocess_exec(
                *bare.command("bridge.moments.picture_worker"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the bot, which ends the worker in its own time
            )
            self._jobs = 0
        self._jobs += 1
        return self._worker

    async def _ask(
        self, worker: Process, data: bytes, box: tuple[int, int] | None
    ) -> tuple[dict[str, Any], bytes, bytes]:
        assert worker.stdin is not None
        assert worker.stdout is not None
        limits: dict[str, Any] = {"bytes": self._max_bytes, "pixels": self._max_pixels, "seconds": self._seconds}
        if box is not None:
            limits["thumbnail"] = box
        for part in (json.dumps(limits).encode(), data):
            worker.stdin.write(struct.pack(">I", len(part)) + part)
        await worker.stdin.drain()
        parts = [await _part(worker.stdout, limit) for limit in (4096, self._max_bytes, _MAX_THUMBNAIL_BYTES)]
        try:
            head = json.loads(parts[0])
        except ValueError:
            raise _WorkerFailed from None
        if not isinstance(head, dict):
            raise _WorkerFailed
        return head, parts[1], parts[2]

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
        if worker.stdin is not None:
            worker.stdin.close()
        # Its pipe may be full: what is in it has to be read, or the transport never closes.
        if worker.stdout is not None:
            with contextlib.suppress(OSError):
                while await worker.stdout.read(65_536):
                    pass
        await worker.wait()


async def _part(stream: asyncio.StreamReader, limit: int) -> bytes:
    (length,) = struct.unpack(">I", await stream.readexactly(4))
    if length > limit:
        raise _WorkerFailed
    return await stream.readexactly(length)


def _checked(head: dict[str, Any], picture: bytes, thumbnail: bytes) -> Processed:
    """The result as values. A worker that a hostile file took over could answer anything."""

    def side(name: str) -> int:
        value = head[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_SIDE:
            raise _WorkerFailed
        return value

    def mimetype(name: str, data: bytes) -> str:
        value = head[name]
        if not isinstance(value, str) or value not in _MIMETYPES or not data.startswith(_MIMETYPES[value]):
            raise _WorkerFailed
        return value

    blurhash = head["blurhash"]
    if not isinstance(blurhash, str) or not _BLURHASH.fullmatch(blurhash):
        raise _WorkerFailed
    return Processed(
        picture,
        mimetype("mimetype", picture),
        side("width"),
        side("height"),
        blurhash,
        Thumbnail(
            thumbnail,
            mimetype("thumbnail_mimetype", thumbnail),
            side("thumbnail_width"),
            side("thumbnail_height"),
        ),
    )
