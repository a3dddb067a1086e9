"""Servers on the loopback of this machine, with names that lead to them."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.host.outside import Door, Outside

HOSTS = ("api.example.org", "other.example.org", "evil.example.org")
DOMAINS = ("api.example.org", "other.example.org")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def certified(folder: Path, hosts: Sequence[str] = HOSTS) -> Path:
    """A certificate of all the hosts here, with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return file


class Net:
    """A server on the loopback, the names that lead to it, and what it was asked."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = certificate
        self.asked: list[web.Request] = []
        self.answers: dict[str, Handler] = {}
        self.names: dict[str, list[list[str]]] = {}
        """Addresses of a name, one list for each time that it is looked up; the last stays."""
        self.lookups: list[str] = []
        self.port = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        await request.read()
        return await self.answers[request.path](request)

    async def look_up(self, host: str) -> list[str]:
        self.lookups.append(host)
        known = self.names.get(host, [["127.0.0.1"]])
        return known.pop(0) if len(known) > 1 else known[0]

    def door(self, allowed: Callable[[str], bool] = "127.0.0.1".__eq__) -> Door:
        tls = ssl.create_default_context(cafile=str(self.certificate))
        return Door(self.look_up, allowed, tls, self.port)

    def outside(self, allowed: Callable[[str], bool] = "127.0.0.1".__eq__, **limits: float) -> Outside:
        return Outside(ProgramsConfig(**limits), self.door(allowed))  # type: ignore[arg-type]


@asynccontextmanager
async def net(certificate: Path, **answers: Handler) -> AsyncIterator[Net]:
    made = Net(certificate)
    made.answers = {f"/{name}": handler for name, handler in answers.items()}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
