"""The bots that can be measured: ours, and peers that only echo. Any other by its command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stub.homeserver import BOT
from tests.e2e.clients.node import JS_DIR, NODE

PEERS = Path(__file__).parents[1] / "peers"
PEERS_VENV = Path(__file__).parents[3] / "build" / "peers"
OTHER_LIBRARIES = {"mautrix_echo"}


@dataclass(frozen=True, slots=True)
class Bot:
    """How to run a bot on a stub: its command, its environment, what is said to it and what it should answer."""

    command: Sequence[str]
    env: Mapping[str, str]
    says: str = "ping"
    answers: str = "pong"


def courtyard(url: str, directory: Path, more: str = "") -> Bot:
    """Ours, with everything on, as an operator would run it; quotas let a crowd through, and as its
    clients know the bot, nobody's first room key waits. `more`: lines of YAML."""
    secret = directory / "password"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text("password\n")
        (directory / "courtyard.yaml").write_text(
            f"matrix: {{homeserver: '{url}', user_id: '{BOT}', password_file: password}}\n"
            "data_dir: var\n"
            "limits:\n"
            "  person_burst: 1000\n  person_commands_per_minute: 6000\n"
            "  server_burst: 100000\n  server_commands_per_minute: 100000\n"
            "  invites_per_minute: 6000\n  first_key_seconds: 0\n" + more
        )
    return Bot([sys.executable, "-m", "bridge", "run", "-c", str(directory / "courtyard.yaml")], {})


def peer(script: Path, url: str, directory: Path) -> Bot:
    """One of the echo bots in `tests/bench/peers`. Those on libraries that Courtyard does not use run in the venv
    `build/peers` (`make peers`); JavaScript runs in the node that a wheel brought."""
    env = {"STUB_URL": url, "STUB_USER": BOT, "STUB_STORE": str(directory)}
    if script.suffix == ".mjs":
        return Bot([str(NODE), str(script)], env)
    own = PEERS_VENV / "bin" / "python"
    return Bot([str(own if script.stem in OTHER_LIBRARIES else sys.executable), str(script)], env)


def other(command: str, url: str, directory: Path) -> Bot:
    """Any bot: it finds the stub in its environment, prints READY, and answers `ping` with what holds `pong`."""
    return Bot(shlex.split(command), {"STUB_URL": url, "STUB_USER": BOT, "STUB_STORE": str(directory)})


def named(name: str, url: str, directory: Path) -> Bot:
    """`courtyard`, a peer by its name, or a command line."""
    if name == "courtyard":
        return courtyard(url, directory)
    for script in PEERS.glob(f"{name}_echo.*"):
        return peer(script, url, directory)
    return other(name, url, directory)


def is_there(name: str) -> bool:
    """Whether a peer's library is installed."""
    if name == "js":
        return (JS_DIR / "node_modules" / "matrix-js-sdk").exists()
    return f"{name}_echo" not in OTHER_LIBRARIES or (PEERS_VENV / ".made").exists()
