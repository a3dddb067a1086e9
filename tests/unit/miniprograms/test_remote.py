"""Asking programs on servers, against real sockets on this machine: what is sent, taken, and not reached."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.config.programs import MiniProgramsConfig, ProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms import schemas
from bridge.miniprograms.events import Chat, Closed, CloseEvent, Event, TextEvent, Typed, User
from bridge.miniprograms.host.outside import Door, is_public
from bridge.miniprograms.manifest import Deletion, Manifest
from bridge.miniprograms.program import Handled, NotNow, Program, Trapped
from bridge.miniprograms.remote import signing
from bridge.miniprograms.remote.breaker import MAX_PAUSE_S, Breakers
from bridge.miniprograms.remote.client import Remote
from bridge.miniprograms.remote.sdk import courtyard_verify as sdk
from tests.unit.miniprograms.net import Handler, Net, certified, net

SEED, DEVELOPER = bytes(range(32)), bytes(range(32, 64))
NOW = 1_767_268_800
ABOUT: dict[str, Any] = {
    "now": NOW,
    "seed": "0" * 32,
    "locale": "en",
    "user": User(id="uabc"),
    "chat": Chat(id="cabc", kind="dm"),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls"))


def program(url: str = "https://api.example.org/hook", **changes: Any) -> Program:
    about: dict[str, Any] = {
        "manifest": 1,
        "name": "far",
        "version": "1.0.0",
        "title": "Far",
        "description": "Far away.",
        "languages": ("en",),
        "url": url,
    }
    return Program(Manifest(**{**about, **changes}), "", SEED)


def text(said: str = "good morning") -> Event:
    return TextEvent(id="e1", **ABOUT, data=Typed(text=said))


LEFT = CloseEvent(id="e2", **ABOUT, data=Closed(reason="left"))


def answers(document: object, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(document, status=status, headers={"Set-Cookie": "who=you"})

    return handler


SAYS = {"v": 1, "state": {"n": 1}, "effects": [{"type": "ui.send", "text": "hello"}]}


def remote(here: Net, allowed: Callable[[str], bool] = "127.0.0.1".__eq__, **limits: Any) -> Remote:
    breakers = Breakers(1000, 1.0)
    return Remote(MiniProgramsConfig(**limits), here.door(allowed), breakers, lambda: NOW + 0.9)


async def not_now(asking: Remote, of: Program | None = None, event: Event | None = None) -> NotNow:
    with pytest.raises(NotNow) as raised:
        await asking.handle(of or program(), event or text())
    return raised.value


async def trap(asking: Remote, of: Program | None = None, event: Event | None = None) -> Trapped:
    with pytest.raises(Trapped) as raised:
        await asking.handle(of or program(), event or text())
    return raised.value


async def test_a_server_gets_the_event_signed_and_nothing_else(certificate: Path) -> None:
    async with net(certificate, hook=answers(SAYS)) as here:
        handled = await remote(here).handle(program(), text("你好"))
        assert handled.answer.state == {"n": 1}
        assert [wanted.id for wanted in handled.answer.effects] == ["e1:0"]
        [request] = here.asked
        body = await request.read()
        assert json.loads(body) == json.loads(text("你好").model_dump_json())
        sent = {name.lower(): value for name, value in request.headers.items()}
        assert sdk.verify(sent, body, [signing.public_key(SEED)], NOW) == "e1"
        assert sent.pop("host").startswith("api.example.org")
        signed = {name: sent.pop(name) for name in list(sent) if name.startswith("courtyard-")}
        assert len(signed) == 5
        assert sent == {
            "user-agent": "courtyard",
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        await remote(here).handle(program(), text())
        assert "cookie" not in {name.lower() for name in here.asked[-1].headers}


async def test_the_same_event_is_the_same_delivery_whenever_it_is_sent(certificate: Path) -> None:
    async with net(certificate, hook=answers(SAYS)) as here:
        for _ in range(2):
            await remote(here).handle(program(), text())
        first, second = here.asked
        assert await first.read() == await second.read()
        assert first.headers[signing.DELIVERY] == second.headers[signing.DELIVERY] == "e1"


@pytest.mark.parametrize(
    ("status", "document", "faults"),
    [
        (200, {"effects": []}, "state: is missing"),
        (200, {"v": 2, "state": None, "effects": []}, "v: should be 1"),
        (200, [], "handle should return an object"),
        (200, {"state": None, "effects": [{"type": "ui.shout", "text": "a"}]}, "no such effect"),
        (200, {"v": 1, "defer": 0}, "defer"),
        (200, {"v": 1, "defer": 5, "state": None}, "state"),
        (200, {"v": 1, "defer": "5"}, "defer"),
        (200, {"v": 1, "state": None, "effects": [], "receipt": {"at": 1, "signature": ""}}, "receipt: unknown key"),
    ],
)
async def test_an_answer_that_is_none_comes_to_nothing(
    certificate: Path, status: int, document: object, faults: str
) -> None:
    async with net(certificate, hook=answers(document, status)) as here:
        trapped = await trap(remote(here))
        assert trapped.kind == "answer"
        assert faults in str(trapped)


async def test_what_a_server_refuses_is_not_asked_again_and_its_own_faults_are(certificate: Path) -> None:
    async with net(certificate) as here:
        for status in (400, 401, 403, 404, 410, 418, 204, 201):
            here.answers["/hook"] = answers(SAYS, status)
            assert (await trap(remote(here))).kind == "refused"
        for status in (500, 502, 503, 504, 408, 425, 429):
            here.answers["/hook"] = answers(SAYS, status)
            assert (await not_now(remote(here))).kind == "unreachable"


async def test_a_server_may_need_more_time(certificate: Path) -> None:
    async with net(certificate) as here:
        for status in (200, 202):
            here.answers["/hook"] = answers({"v": 1, "defer": 40}, status)
            later = await not_now(remote(here))
            assert (later.kind, later.after) == ("deferred", 40)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(certificate: Path, status: int) -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "https://api.example.org/hello"})

    async with net(certificate, hook=away, hello=answers(SAYS)) as here:
        assert (await trap(remote(here))).kind == "refused"
        assert [request.path for request in here.asked] == ["/hook"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1",
    ],
)  # fmt: skip
async def test_addresses_that_are_not_public_are_not_reached(certificate: Path, address: str) -> None:
    async with net(certificate, hook=answers(SAYS)) as here:
        for addresses in ([address], ["93.184.215.14", address]):
            here.names["api.example.org"] = [addresses]
            later = await not_now(remote(here, is_public))
            assert "refused" in str(later)
        assert here.asked == []


async def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(certificate: Path) -> None:
    """DNS rebinding: the address that was checked is what is connected to; the next delivery is checked anew."""
    async with net(certificate, hook=answers(SAYS)) as here:
        here.names["api.example.org"] = [["127.0.0.1"], ["127.0.0.66"]]
        asking = remote(here)
        await asking.handle(program(), text())
        assert here.lookups == ["api.example.org"]
        assert "refused" in str(await not_now(asking))
        assert here.lookups == ["api.example.org"] * 2
        assert len(here.asked) == 1


async def test_a_server_that_is_silent_slow_gone_or_somebody_else(certificate: Path) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def trickling(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async def large(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b" " * 70_000)

    async def zipped(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\x1f\x8b" + bytes(100), headers={"Content-Encoding": "gzip"})

    async with net(certificate, hook=silent) as here:
        asking = remote(here, remote_seconds=0.3)
        assert "timeout" in str(await not_now(asking))
        here.answers["/hook"] = trickling
        assert "timeout" in str(await not_now(asking))
        here.answers["/hook"] = large
        assert (await trap(remote(here))).kind == "output"
        here.answers["/hook"] = zipped
        assert (await trap(remote(here))).kind == "answer"
        untrusting = Remote(MiniProgramsConfig(), Door(here.look_up, lambda address: True, None, here.port))
        assert "unreachable" in str(await not_now(untrusting))
    assert "unreachable" in str(await not_now(asking))


async def test_a_receipt_is_the_developers_word(certificate: Path) -> None:
    key = signing.public_key(DEVELOPER)
    of = program(deletion=Deletion(days=7, key=key))
    done: dict[str, Any] = {"v": 1, "state": None, "effects": []}
    signer = Ed25519PrivateKey.from_private_bytes(DEVELOPER)
    async with net(certificate) as here:

        async def given(receipt: object) -> Handled:
            here.answers["/hook"] = answers(done if receipt is None else {**done, "receipt": receipt})
            return await remote(here).handle(of, LEFT)

        handled = await given(sdk.receipt(signer, "e2", "uabc", NOW))
        assert handled.receipt is not None
        assert (handled.receipt.at, handled.receipt.key) == (NOW, key)
        wrong: list[object] = [
            None,
            {"at": NOW},
            {"at": NOW, "signature": ""},
            sdk.receipt(signer, "e3", "uabc", NOW),
            sdk.receipt(signer, "e2", "uabd", NOW),
            {**sdk.receipt(signer, "e2", "uabc", NOW), "at": NOW + 1},
            sdk.receipt(Ed25519PrivateKey.from_private_bytes(SEED), "e2", "uabc", NOW),
        ]
        for receipt in wrong:
            with pytest.raises(Trapped, match="receipt"):
                await given(receipt)
        # Without a key in the manifest any answer is an acknowledgement.
        here.answers["/hook"] = answers(done)
        assert (await remote(here).handle(program(), LEFT)).receipt is None


# --- the breaker ------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_server_that_fails_is_left_alone_for_longer_and_longer() -> None:
    clock = Clock()
    breakers = Breakers(3, 30.0, clock)
    assert [breakers.failed("a") for _ in range(3)] == [False, False, True]
    assert breakers.enter("b") == 0, "another server has nothing to do with it"
    pauses = []
    for _ in range(7):
        wait = breakers.enter("a")
        pauses.append(wait)
        clock.now += wait - 0.5
        assert breakers.enter("a") == pytest.approx(0.5)
        clock.now += 0.5
        assert breakers.enter("a") == 0
        assert breakers.enter("a") == 1.0, "one tries, the others wait for what comes of it"
        assert not breakers.failed("a"), "it is told once"
    assert pauses == [30, 60, 120, 240, 480, MAX_PAUSE_S, MAX_PAUSE_S]
    clock.now += MAX_PAUSE_S
    assert breakers.enter("a") == 0
    breakers.left("a")
    assert breakers.enter("a") == 0, "who tried was cancelled: another one may"
    breakers.answered("a")
    assert [breakers.enter("a") for _ in range(3)] == [0, 0, 0]
    assert [breakers.failed("a") for _ in range(3)] == [False, False, True]


def test_failures_count_in_a_row_alone_and_what_is_known_is_bounded() -> None:
    breakers = Breakers(2, 30.0, Clock())
    for _ in range(10):
        assert not breakers.failed("a")
        breakers.answered("a")
    for number in range(3000):
        breakers.failed(f"s{number}")
    assert len(breakers._states) <= 1000


async def test_a_server_that_is_left_alone_is_not_asked(certificate: Path) -> None:
    clock = Clock()
    async with net(certificate, hook=answers({}, 500)) as here:
        asking = Remote(MiniProgramsConfig(), here.door(), Breakers(2, 30.0, clock), lambda: NOW)
        kinds = [(await not_now(asking)).kind for _ in range(4)]
        assert kinds == ["unreachable", "unreachable", "paused", "paused"]
        assert len(here.asked) == 2
        here.answers["/hook"] = answers(SAYS)
        clock.now += 30
        await asking.handle(program(), text())
        await asking.handle(program(), text())
        assert len(here.asked) == 4


async def test_faults_of_a_program_are_none_of_its_server(certificate: Path) -> None:
    async with net(certificate, hook=answers({}, 404)) as here:
        asking = Remote(MiniProgramsConfig(), here.door(), Breakers(2, 30.0, Clock()), lambda: NOW)
        assert [(await trap(asking)).kind for _ in range(5)] == ["refused"] * 5


# --- for development --------------------------------------------------------------------------------------------------


async def test_hosts_of_development_are_where_the_operator_says_and_no_others(certificate: Path) -> None:
    async with net(certificate, hook=answers(SAYS)) as here:
        limits = ProgramsConfig(
            development_servers=(f"api.example.org=127.0.0.1:{here.port}",), development_certificates=certificate
        )
        await Remote(limits, Door.of(limits)).handle(program(), text())
        assert here.lookups == []
        door = Door.of(limits)
        assert door.tls_for("https://other.example.org/") is True
        assert door.target("https://other.example.org/").port == 443
        assert isinstance(door.tls_for("https://api.example.org/"), ssl.SSLContext)
    # Never by default.
    assert ProgramsConfig().development_servers == ()
    with pytest.raises(OperatorError, match="development_certificates"):
        Door.of(ProgramsConfig(development_certificates=Path("/nowhere.pem")))


def test_responses_are_those_of_the_schema() -> None:
    schema = json.loads(dict(schemas.documents())["response.schema.json"])
    done: dict[str, Any] = {"v": 1, "state": None, "effects": []}
    for good in (SAYS, {"v": 1, "defer": 5}, done, {**done, "receipt": {"at": 1, "signature": "x"}}):
        jsonschema.validate(good, schema)
    wrong: list[Any] = [{"v": 1, "defer": 0}, {**SAYS, "defer": 5}, {**done, "receipt": {}}, {**done, "more": 1}, []]
    for bad in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
