"""Configuration: mini-programs."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.config.base import Section


def _server(text: str) -> str:
    host, _, where = text.partition("=")
    address, _, port = where.rpartition(":")
    try:
        ipaddress.ip_address(address.strip("[]"))
        good = re.fullmatch(r"[a-z0-9.-]{1,253}", host) and 0 < int(port) < 65_536
    except ValueError:
        good = False
    if not good:
        raise ValueError("should be HOST=ADDRESS:PORT, like tea.example.org=127.0.0.1:8443")
    return text


Server = Annotated[str, AfterValidator(_server)]
"""`HOST=ADDRESS:PORT`."""


class MiniProgramsConfig(Section):
    """Mini-programs: how much each may take. `courtyard mp` has the same bounds, so what passes there runs here."""

    bundle_bytes: int = Field(
        default=262_144, ge=1024, le=4_194_304, description="Size of a program's code, in bytes (256 KiB)."
    )
    event_bytes: int = Field(
        default=65_536, ge=4096, le=1_048_576, description="Size of one event with the program's state, in bytes."
    )
    answer_bytes: int = Field(
        default=65_536, ge=4096, le=1_048_576, description="Size of what a program answers to one event, in bytes."
    )
    state_bytes: int = Field(
        default=32_768, ge=256, le=524_288, description="Size of the state of one session, in bytes."
    )
    value_bytes: int = Field(default=8192, ge=256, le=65_536, description="Size of one stored value, in bytes.")
    space_keys: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Values that a program may store for one person with their own chat, for one room, or for all.",
    )
    space_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=10_485_760,
        description="Size of what a program may store for one person with their own chat, or for one room, in bytes "
        "(64 KiB).",
    )
    shared_space_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        le=104_857_600,
        description="Size of what a program may store for all who use it together, in bytes (1 MiB).",
    )
    effects: int = Field(default=20, ge=1, le=200, description="Effects in one answer.")
    fetch_bytes: int = Field(
        default=262_144,
        ge=1024,
        le=4_194_304,
        description="Size of what a server answers to a program, in bytes (256 KiB).",
    )
    messages: int = Field(
        default=5,
        ge=1,
        le=200,
        description="Messages in one answer, changed ones among them: each costs the homeserver as much as a command.",
    )
    picture_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        le=20_971_520,
        description="Size of a picture that a server gives to a program, in bytes (1 MiB).",
    )
    fetches: int = Field(
        default=5,
        ge=0,
        le=50,
        description="Effects in one answer that ask another server, pictures by url among them.",
    )
    cpu_ms: int = Field(
        default=100,
        ge=5,
        le=5000,
        description="Work that one event may cause, in ms of one core of a usual server. Instructions are counted, so "
        "that the same event ends the same way on every machine; three times as much CPU time ends it in any case.",
    )
    memory_bytes: int = Field(
        default=33_554_432, ge=4_194_304, le=536_870_912, description="Memory of one event, in bytes (32 MiB)."
    )
    remote_seconds: float = Field(
        default=3.0, ge=0.1, le=30, description="How long a program on a server may take to answer, in seconds."
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes that run programs. Each runs one event at a time."
    )


class ProgramsConfig(MiniProgramsConfig):
    """Mini-programs: how much each may take (`courtyard mp` has the same bounds, so what passes there runs here), which
    of them people may open, and how much of the machine their use may take."""

    programs: tuple[str, ...] | None = Field(
        default=None,
        max_length=1000,
        description="Names of the programs that people may open. Default: all that are installed.",
    )
    denied: tuple[str, ...] = Field(
        default=(), max_length=1000, description="Names of programs that nobody may open, whatever is installed."
    )
    keys: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Keys (ed25519:…) of developers whose packages `courtyard mp install` takes.",
    )
    builtin: bool = Field(
        default=True, description="Whether the programs that come with Courtyard are installed by themselves."
    )
    events_per_minute: int = Field(
        default=60,
        ge=1,
        le=6000,
        description="What one person may do in one program in a minute, in the long run.",
    )
    events_burst: int = Field(default=10, ge=1, le=6000, description="What one person may do in one program at once.")
    messages_per_second: float = Field(
        default=25.0,
        ge=0.1,
        le=10_000,
        description="Messages that all people together get from one program in a second, in the long run; more come"
        " later, so that nobody else waits.",
    )
    messages_per_day: int = Field(
        default=24,
        ge=1,
        le=1440,
        description="Messages that a program may send somebody in a day who has subscribed to them.",
    )
    cpu_ms_per_minute: int = Field(
        default=2000,
        ge=10,
        le=60_000,
        description="Work that one person may cause in one program in a minute, in ms.",
    )
    chain: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Events that may follow from each other without anybody doing anything.",
    )
    traps: int = Field(
        default=5, ge=1, le=1000, description="A program that fails so often in trap_minutes is suspended."
    )
    trap_minutes: int = Field(default=10, ge=1, le=1440, description="See traps, in minutes.")
    suspend_minutes: int = Field(
        default=60,
        ge=1,
        le=43_200,
        description="For how long a program is suspended that failed too often, in minutes.",
    )
    fetch: bool = Field(
        default=True,
        description="Whether programs may have servers asked that stand in their manifests, if the person agrees.",
    )
    fetch_seconds: float = Field(
        default=10.0, ge=0.1, le=120, description="How long a server may take to answer a program, in seconds."
    )
    remote: bool = Field(
        default=True,
        description="Whether people may open programs that run on servers of their developers, if they agree.",
    )
    remote_at_once: int = Field(
        default=16, ge=1, le=1000, description="Events that are told to such servers at the same time."
    )
    remote_retry_seconds: int = Field(
        default=30,
        ge=0,
        le=900,
        description="For how long what somebody did is told to a server again that does not answer, in seconds. Then "
        "they are told.",
    )
    remote_failures: int = Field(
        default=5, ge=1, le=1000, description="A server that fails so often in a row is left alone for a while."
    )
    remote_pause_seconds: float = Field(
        default=30.0,
        ge=1,
        le=600,
        description="For how long at first, in seconds; twice as long after each failure that follows, up to ten "
        "minutes.",
    )
    defer_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="How long a program on a server may take that says that its answer comes later, in minutes.",
    )
    leave_hours: int = Field(
        default=24,
        ge=0,
        le=168,
        description="When somebody leaves for good, programs are told of each room that they knew them from at a time "
        "of its own within so many hours, so that the times do not tell that it was one person.",
    )
    leave_wait_minutes: int = Field(
        default=15,
        ge=0,
        le=10_080,
        description="How long the end of an account waits for servers to confirm that they delete what they keep, in "
        "minutes. They are told again afterwards, until the time is over that their manifest names.",
    )
    development_servers: tuple[Server, ...] = Field(
        default=(),
        max_length=100,
        description="Dangerous, for development alone: HOST=ADDRESS:PORT. What is meant for HOST goes to this address, "
        "which may be of this machine or a private one, and nothing looks whether it may be reached.",
    )
    development_certificates: Path | None = Field(
        default=None,
        description="Certificates (PEM) that are trusted for the hosts of development_servers, and for no others.",
    )
    grant_days: int = Field(
        default=180, ge=1, le=3650, description="After how long what a program may know is asked again, in days."
    )
    idle_hours: int = Field(
        default=24, ge=1, le=8760, description="A program in which nothing happened for so long is closed, in hours."
    )
