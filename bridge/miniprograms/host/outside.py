"""Asking servers for programs (D8): https alone, exact hosts, public addresses alone, bounded, and without a trace of
whom it is for."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.config.programs import ProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms.ui import https_host

Failure: TypeAlias = Literal["refused", "timeout", "too_large", "unreachable"]
Lookup: TypeAlias = Callable[[str], Awaitable[Collection[str]]]
"""The addresses of a host, as its name service tells them."""
MAX_REDIRECTS = 3
_KEPT_HEADERS = ("content-type", "etag")
_HEADERS = {"User-Agent": "courtyard", "Accept-Encoding": "identity"}
"""The same for everybody; and nothing is unpacked, which could become larger than it came."""
_MAX_HEADER = 500
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""IPv6 prefixes behind which an IPv4 address stands (RFC 6052, RFC 8215): where that leads is the network's affair."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program wants to be asked."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: str | None

    @property
    def shown(self) -> str:
        """All of it, to be looked at."""
        head = "\n".join([f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())])
        return head if self.body is None else f"{head}\n\n{self.body}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it."""

    error: Failure | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    raw: bytes = b""
    """The body as it came."""

    @property
    def data(self) -> dict[str, Any]:
        """As it stands in the event `fetch.result`, but for effect and tag."""
        return {
            "ok": self.error is None,
            "status": self.status,
            "headers": dict(self.headers),
            "body": self.body,
            "error": self.error,
        }


class Refused(OSError):
    """An address that programs must not reach."""


def is_public(address: str) -> bool:
    """Whether anybody on the internet could reach it, so that reaching it from here gives nothing away. Never true of
    loopback, private, link-local (metadata services), shared, multicast and reserved addresses, in whatever form an
    IPv4 address is dressed up as one of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if found.teredo is not None or any(found in network for network in _TRANSLATED):
            return False
        if int(found) < 1 << 32:  # "IPv4-compatible", with ::1 and :: among them
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


async def look_up(host: str) -> Collection[str]:
    """Ask the system's resolver.

    Raises:
        OSError: there is no such host.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class TooLarge(ValueError):
    """A server sent more than it may."""


class Door:
    """The way out to servers. A name is resolved once for each connection, and it is these addresses that are connected
    to: a name that leads elsewhere a moment later leads nowhere.

    Args:
        lookup: see `Lookup`.
        allowed: which addresses may be reached.
        tls: how servers prove who they are; None: by the certificates that the system trusts.
        port: for https.
        servers: where hosts are that are developed just now, by name: an address and a port. Nothing is looked up or
            checked for them.
        development_tls: how those prove who they are.
    """

    def __init__(
        self,
        lookup: Lookup = look_up,
        allowed: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
        port: int = 443,
        servers: Mapping[str, tuple[str, int]] | None = None,
        development_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._lookup = lookup
        self._allowed = allowed
        self._tls = tls
        self._port = port
        self._servers = dict(servers or {})
        self._development_tls = development_tls

    @classmethod
    def of(cls, limits: ProgramsConfig) -> "Door":
        """As the configuration wants it.

        Raises:
            OperatorError: the certificates for development can't be read.
        """
        servers = {}
        for entry in limits.development_servers:
            host, _, where = entry.partition("=")
            address, _, port = where.rpartition(":")
            servers[host] = (address.strip("[]"), int(port))
        file, tls = limits.development_certificates, None
        if file is not None:
            try:
                tls = ssl.create_default_context(cafile=str(file))
            except OSError as error:  # ssl.SSLError is one
                what = error.strerror or "no certificates"
                raise OperatorError(f"miniprograms.development_certificates: {file}: {what}.") from None
        return cls(servers=servers, development_tls=tls)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """For requests to one server or a few; nothing of it is kept."""
        connector = aiohttp.TCPConnector(
            resolver=_Checked(self._lookup, self._allowed, self._servers), use_dns_cache=False, force_close=True
        )
        async with aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            raise_for_status=False,
            max_line_size=8190,
            max_field_size=8190,
        ) as session:
            yield session

    def target(self, url: str) -> URL:
        """Where an https address is asked."""
        known = self._servers.get(https_host(url) or "")
        return URL(url).with_port(self._port if known is None else known[1])

    def tls_for(self, url: str) -> ssl.SSLContext | bool:
        if self._development_tls is not None and https_host(url) in self._servers:
            return self._development_tls
        return True if self._tls is None else self._tls

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, most: int
    ) -> tuple[int, bytes]:
        """Ask once; the status, and what came with it. Nothing is followed.

        Raises:
            Refused: the address must not be reached.
            TooLarge: the answer is larger than `most` bytes.
            TimeoutError, aiohttp.ClientError, OSError: there is no answer.
        """
        async with (
            asyncio.timeout(seconds),
            self.session() as session,
            session.post(
                self.target(url),
                data=body,
                headers={**headers, **_HEADERS},
                allow_redirects=False,
                ssl=self.tls_for(url),
            ) as response,
        ):
            return response.status, await read_bounded(response, most)


async def read_bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body.

    Raises:
        TooLarge
    """
    read = bytearray()
    async for chunk in response.content.iter_chunked(16_384):
        read += chunk
        if len(read) > most:
            raise TooLarge
    return bytes(read)


def failure_of(error: BaseException) -> Failure:
    """Why there is no answer."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, TooLarge):
        return "too_large"
    return "refused" if _was_refused(error) else "unreachable"


class Outside:
    """Asks servers for programs that run here.

    Args:
        door: how they are reached.
    """

    def __init__(self, limits: ProgramsConfig, door: Door | None = None) -> None:
        self._limits = limits
        self._door = door or Door.of(limits)

    async def ask(self, asked: Asked, domains: Collection[str], most: int | None = None) -> Answered:
        """Ask once, and follow redirects within `domains`. Nothing that a server does raises.
        `most`: bytes of the answer, if not the usual."""
        try:
            async with asyncio.timeout(self._limits.fetch_seconds), self._door.session() as session:
                return await self._follow(session, asked, domains, most or self._limits.fetch_bytes)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answered(failure_of(error))

    async def _follow(
        self, session: aiohttp.ClientSession, asked: Asked, domains: Collection[str], most: int
    ) -> Answered:
        url, method, body = asked.url, asked.method, asked.body
        headers = {**asked.headers, **_HEADERS}
        for _ in range(MAX_REDIRECTS + 1):
            host = https_host(url)
            if host is None or host not in domains:
                return Answered("refused")
            async with session.request(
                method,
                self._door.target(url),
                headers=headers,
                data=None if body is None else body.encode(),
                allow_redirects=False,
                ssl=self._door.tls_for(url),
            ) as response:
                where = response.headers.get("Location")
                if response.status not in (301, 302, 303, 307, 308) or where is None:
                    return await self._read(response, most)
                url = urljoin(url, where)
                if https_host(url) != host:
                    # What was meant for one server is not for another.
                    headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
                if response.status in (301, 302, 303) and method != "GET":
                    method, body = "GET", None
        return Answered("refused")

    async def _read(self, response: aiohttp.ClientResponse, most: int) -> Answered:
        read = await read_bounded(response, most)
        kept = {name: response.headers[name][:_MAX_HEADER] for name in _KEPT_HEADERS if name in response.headers}
        text = read.decode("utf-8", "replace").replace("\x00", "\ufffd")
        return Answered(None, response.status, kept, text, read)


class _Checked(AbstractResolver):
    """Resolves a name, and lets through what may be reached; one address that may not makes all of it suspicious."""

    def __init__(self, lookup: Lookup, allowed: Callable[[str], bool], servers: Mapping[str, tuple[str, int]]) -> None:
        self._lookup = lookup
        self._allowed = allowed
        self._servers = servers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        known = self._servers.get(host)
        found = await self._lookup(host) if known is None else (known[0],)
        if not found:
            raise OSError("no address")
        if known is None and not all(self._allowed(address) for address in found):
            raise Refused
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        return None


def _was_refused(error: BaseException) -> bool:
    """Whether `Refused` is what an error comes from: aiohttp wraps what a resolver raises."""
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None:
            return False
        if isinstance(seen, Refused) or isinstance(getattr(seen, "os_error", None), Refused):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
