"""D8: what programs can have asked, against real sockets on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from bridge.config.programs import ProgramsConfig
from bridge.miniprograms.host.outside import Asked, Door, Outside, is_public
from tests.unit.miniprograms.net import DOMAINS, Handler, certified, net


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls"))


def get(path: str, host: str = "api.example.org", **headers: str) -> Asked:
    return Asked(f"https://{host}{path}", "GET", headers, None)


async def hello(request: web.Request) -> web.StreamResponse:
    return web.Response(text="hello", headers={"ETag": '"1"', "Set-Cookie": "who=you", "X-Other": "1"})


def leads_to(where: str, status: int = 302) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": where, "Set-Cookie": "who=you"})

    return handler


async def test_a_server_is_asked_and_told_nothing_but_what_the_program_says(certificate: Path) -> None:
    async with net(certificate, hello=hello) as here:
        asked = Asked("https://api.example.org/hello?x=1", "POST", {"x-thing": "1"}, '{"a": "é"}')
        answered = await here.outside().ask(asked, DOMAINS)
        assert (answered.error, answered.status, answered.body) == (None, 200, "hello")
        assert dict(answered.headers) == {"content-type": "text/plain; charset=utf-8", "etag": '"1"'}
        [request] = here.asked
        assert await request.read() == '{"a": "é"}'.encode()
        sent = {name.lower(): value for name, value in request.headers.items()}
        assert sent.pop("host").startswith("api.example.org")
        assert sent.pop("content-length") == "11"
        assert sent.pop("content-type", "application/octet-stream") == "application/octet-stream"
        assert sent.pop("connection") == "close"
        assert sent == {"user-agent": "courtyard", "accept": "*/*", "accept-encoding": "identity", "x-thing": "1"}
        await here.outside().ask(get("/hello"), DOMAINS)
        assert "cookie" not in {name.lower() for name in here.asked[-1].headers}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/hello",
        "http://api.example.org/hello",
        "https://api.example.org:8443/hello",
        "https://user@api.example.org/hello",
        "https://127.0.0.1/hello",
        "https://[::1]/hello",
        "https://api.example.org.evil.example.org/hello",
    ],
)
async def test_no_other_address_is_asked_directly_or_by_a_redirect(certificate: Path, url: str) -> None:
    async with net(certificate, hello=hello, away=leads_to(url)) as here:
        assert (await here.outside().ask(Asked(url, "GET", {}, None), DOMAINS)).error == "refused"
        assert here.asked == []
        assert (await here.outside().ask(get("/away"), DOMAINS)).error == "refused"
        assert [request.path for request in here.asked] == ["/away"]


async def test_redirects_within_the_domains_are_followed_a_few_times(certificate: Path) -> None:
    there = "https://other.example.org/hello"
    async with net(certificate, hello=hello, go=leads_to(there, 307), round=leads_to("/round")) as here:
        answered = await here.outside().ask(
            Asked("https://api.example.org/go", "POST", {"authorization": "Bearer x", "x-a": "1"}, "body"), DOMAINS
        )
        assert answered.body == "hello"
        first, second = here.asked
        assert first.headers["Authorization"] == "Bearer x"
        assert "Authorization" not in second.headers, "it was for the first server"
        assert (second.method, await second.read(), second.headers["X-A"]) == ("POST", b"body", "1")
        assert (await here.outside().ask(get("/round"), DOMAINS)).error == "refused"
        assert len(here.asked) == 2 + 4


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2001:0:7f00:1::1", "2001:db8::1", "fe80::1%eth0", "nonsense", "",
    ],
)  # fmt: skip
async def test_what_is_not_public_is_not_reached(certificate: Path, address: str) -> None:
    assert not is_public(address)
    async with net(certificate, hello=hello) as here:
        here.names["api.example.org"] = [[address]]
        assert (await here.outside(is_public).ask(get("/hello"), DOMAINS)).error == "refused"
        here.names["api.example.org"] = [["93.184.215.14", address]]  # one of several is enough
        assert (await here.outside(is_public).ask(get("/hello"), DOMAINS)).error == "refused"
        assert here.asked == []


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


async def test_a_name_is_looked_up_once_and_leads_nowhere_else(certificate: Path) -> None:
    """DNS rebinding: what is checked is what is connected to."""
    async with net(certificate, hello=hello) as here:
        here.names["api.example.org"] = [["127.0.0.1"], ["127.0.0.66"]]
        assert (await here.outside().ask(get("/hello"), DOMAINS)).body == "hello"
        assert here.lookups == ["api.example.org"]
        # A redirect to the same name is looked up again, and checked again.
        here.answers["/again"] = leads_to("/hello")
        here.names["api.example.org"] = [["127.0.0.1"], ["127.0.0.66"]]
        assert (await here.outside().ask(get("/again"), DOMAINS)).error == "refused"


async def test_sizes_and_times_have_bounds(certificate: Path) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 2000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        except ConnectionError:
            return response

    async def silent(request: web.Request) -> web.StreamResponse:
        await request.app["never"].wait()
        return web.Response()

    async def packed(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\x1f\x8b" + b"x" * 100, headers={"Content-Encoding": "gzip"})

    async with net(certificate, large=large, endless=endless, packed=packed) as here:
        assert (await here.outside(fetch_bytes=1999 + 25).ask(get("/large"), DOMAINS)).body == "x" * 2000
        assert (await here.outside(fetch_bytes=1999).ask(get("/large"), DOMAINS)).error == "too_large"
        assert (await here.outside(fetch_bytes=5000).ask(get("/endless"), DOMAINS)).error == "too_large"
        unpacked = await here.outside().ask(get("/packed"), DOMAINS)
        assert unpacked.error is None
        assert len(unpacked.body or "") <= 102


async def test_a_picture_comes_as_it_is_and_may_be_larger_than_a_text(certificate: Path) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20

    async def serves(_: web.Request) -> web.StreamResponse:
        return web.Response(body=picture, content_type="image/png")

    async with net(certificate, menu=serves) as made:
        outside = made.outside(fetch_bytes=1024)
        asked = Asked("https://api.example.org/menu", "GET", {}, None)
        assert (await outside.ask(asked, DOMAINS)).error == "too_large"
        came = await outside.ask(asked, DOMAINS, len(picture))
        assert (came.error, came.status, came.raw) == (None, 200, picture)
        assert "raw" not in came.data
        assert (await outside.ask(asked, DOMAINS, len(picture) - 1)).error == "too_large"


async def test_a_server_that_is_silent_or_not_who_it_says(certificate: Path) -> None:
    import asyncio

    never = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    async with net(certificate, silent=silent, hello=hello) as here:
        assert (await here.outside(fetch_seconds=0.3).ask(get("/silent"), DOMAINS)).error == "timeout"
        never.set()
        untrusting = Outside(ProgramsConfig(), Door(here.look_up, lambda address: True, None, here.port))
        assert (await untrusting.ask(get("/hello"), DOMAINS)).error == "unreachable"
        stranger = "https://third.example.org/hello"
        answered = await here.outside().ask(Asked(stranger, "GET", {}, None), ("third.example.org",))
        assert answered.error == "unreachable", "its certificate is for others"
    assert (await here.outside().ask(get("/hello"), DOMAINS)).error == "unreachable"
