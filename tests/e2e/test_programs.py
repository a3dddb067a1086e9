"""Mini-programs, with people whose clients have nothing to do with the bot, on two servers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from PIL import Image

from bridge.demo.synapse import Homeserver
from tests.e2e import recording
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, meeting, shown, told
from tests.e2e.leaks import personal
from tests.e2e.people import Friendly, gather
from tests.e2e.recording import Told
from tests.unit.miniprograms.net import certified

pytestmark = pytest.mark.e2e

WAIT = 60.0
PICTURES = "pictures.example.org"
NAME, REGION = "Alice Liddell", "Wonderland"
"""What stands in a profile: one is granted to one program, the other to another, and nothing to the rest."""


@dataclass(slots=True)
class Record:
    """All that went to programs while the tests of this file ran."""

    file: Path
    sources: dict[str, str] = field(default_factory=dict)

    def told(self) -> list[Told]:
        return recording.read(self.file, self.sources)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return Record(tmp_path_factory.mktemp("record") / "told")


@dataclass(slots=True)
class Gallery:
    """A server with one picture, and what it was asked."""

    certificate: Path
    port: int = field(default_factory=unused_port)
    asked: list[str] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        self.asked.append(f"{request.method} {request.path_qs} {dict(request.headers)} {body}")
        out = io.BytesIO()
        Image.new("RGB", (300, 200), "green").save(out, "PNG")
        return web.Response(body=out.getvalue(), content_type="image/png")


@pytest.fixture(scope="module")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gallery]:
    made = Gallery(certified(tmp_path_factory.mktemp("gallery"), (PICTURES,)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port, ssl_context=context).start()
    yield made
    await runner.cleanup()


@pytest.fixture(scope="module")
async def bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory, record: Record, gallery: Gallery
) -> AsyncIterator[BotProcess]:
    """A bot of which everything that it tells programs is kept."""
    development = {
        "development_servers": [f"{PICTURES}=127.0.0.1:{gallery.port}"],
        "development_certificates": str(gallery.certificate),
    }
    async with running_bot(
        tmp_path_factory.mktemp("bot"),
        servers[0],
        unique("courtyard"),
        {"access": {"invites": "all"}, "miniprograms": development},
        module="tests.e2e.recording",
        environment={recording.VARIABLE: str(record.file)},
    ) as running:
        yield running


def shows(board: str, stones: int, message: Message) -> bool:
    """Whether it is this board with so many stones."""
    return message.event_id == board and message.body.count("X") + message.body.count("O") == stones


async def says(person: Friendly, text: str, *words: str) -> Message:
    """Send a message; the first thing after it that has all these words."""
    mark = person.client.mark()
    await person.client.send(person.room, text)
    return await told(person, mark, *words)


async def test_order_food_and_take_back_the_name(meet: Meet, record: Record) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
    await carol.ask("open canteen")
    await says(carol, "kitchen", "You run the kitchen")
    await says(carol, "dish 4.50 Soup", "1. Soup, €4.50.")
    await alice.ask(f"profile set name {NAME}")
    await alice.ask(f"profile set region {REGION}")
    first = await alice.ask("open canteen")
    assert "It does not learn who you are" in first
    await says(alice, "add 1 2", "2 × Soup in your cart")
    await says(alice, "order", "asks for your name", "To call your name when your order is ready")
    await says(alice, "2", "Order 1", "€9.00")
    await says(carol, "kitchen", "Alice Liddell", "2 × Soup")
    listed = await alice.ask("grants")
    assert "1 – Canteen: your name" in listed
    assert "does not get your name any more" in await alice.ask("revoke 1")
    await says(alice, "add 1", "1 × Soup in your cart")
    await says(alice, "order", "Order 2")
    kitchen = await says(carol, "kitchen", "Alice Liddell", "a guest")
    assert alice.user_id not in kitchen.body
    assert "is closed" in await alice.ask("close")
    assert "I don't know that command" in await alice.ask("add 1")
    told = [one for one in record.told() if one.program == "canteen"]
    assert {json.dumps(one.event["user"]["profile"]) for one in told} == {"{}", json.dumps({"name": NAME})}
    before = told[: next(n for n, one in enumerate(told) if one.event["user"]["profile"])]
    assert len(before) > 5
    assert not [one.raw for one in before if NAME in one.raw], "it was granted later"
    assert not [one.raw for one in told if REGION in one.raw], "it never was"


async def test_book_a_ticket(meet: Meet) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1)
    await carol.ask("open tickets")
    for line, answer in (
        ("new", "What is it called?"),
        ("Choir", "When is it?"),
        ("2030-03-01 18:30", "How many rows?"),
        ("2", "How many seats in a row?"),
        ("4", "Event 1: Choir, March 1, 2030, 18:30"),
    ):
        await says(carol, line, answer)
    await alice.ask("open tickets")
    ticket = await says(alice, "book 1 b3", "Choir, March 1, 2030")
    assert ticket.content["msgtype"] == "m.image", "the QR code"
    assert ticket.content["file"]["url"].startswith("mxc://")
    code = ticket.body.rpartition(": ")[2].strip()
    await says(alice, "book 1 b3", "B3 is taken")
    await says(carol, f"check {code}", "Seat B3: welcome")
    await says(carol, f"check {code}", "somebody has come in")


async def test_play_to_the_end(meet: Meet) -> None:
    carol = await meet("carol", 1)
    await carol.ask("open gomoku")
    board = await told(carol, 0, "type a place like")
    # Black puts stones where they are of no use; white makes five of them sooner or later.
    for move in (f"{column}{row}" for row in (1, 4, 7, 10, 13) for column in "adgjm"):
        mark = carol.client.mark()
        await carol.client.send(carol.room, move)
        message = await carol.client.wait_message(
            carol.room,
            lambda m: m.event_id == board.event_id or "stone already" in m.body,
            WAIT,
            since=mark,
        )
        if "wins" in message.body:
            break
    assert "⚪ white wins." in message.body.replace("**", "")
    assert message.event_id == board.event_id, "one board, edited in place"
    assert len([m for m in shown(carol) if "a b c d e f g" in m.body]) == 1


async def test_two_people_on_two_servers_play_in_a_room(meet: Meet, bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1)
    assert isinstance(alice.client, JsClient)
    room = await gather(alice, carol, bot)
    await alice.client.send(room, "!open gomoku")
    board = await alice.client.wait_message(room, lambda m: "a b c d e f g" in m.body, WAIT)
    moves = [(who, f"{column}{row}") for column in "abcde" for who, row in ((alice, 1), (carol, 2))][:-1]
    for stones, (who, move) in enumerate(moves, 1):
        await who.client.send(room, f"!{move}")
        await alice.client.wait_message(room, partial(shows, board.event_id, stones), WAIT)
    for person in (alice, carol):
        await person.client.wait_message(room, lambda m: "⚫ black wins." in m.body.replace("**", ""), WAIT)
    await carol.client.send(room, "well played")
    await carol.client.send(room, "!close")
    await alice.client.wait_message(room, lambda m: m.body == "Gomoku is closed.", WAIT)


async def test_effects_are_performed_once_over_kill_9(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with running_bot(tmp_path, servers[0], unique("courtyard")) as bot, meeting(servers, js, bot) as meet:
        alice = await meet("alice")
        await alice.ask("open canteen")
        await says(alice, "kitchen", "You run the kitchen")
        await says(alice, "dish 1 Tea", "1. Tea")
        count = 12
        for number in range(count):
            await alice.client.send(alice.room, "add 1")
            if number % 3 == 2:
                await asyncio.sleep(0.05 * number)  # somewhere between the message and its answer
                await bot.kill()
                await bot.start()
        await alice.client.wait_message(alice.room, lambda m: f"{count} × Tea in your cart" in m.body, WAIT)
        added = [m.body for m in shown(alice) if "× Tea in your cart" in m.body]
        assert sorted(int(body.split()[1]) for body in added) == list(range(1, count + 1))
        with sqlite3.connect(bot.database) as books:
            assert books.execute("SELECT COUNT(*) FROM program_events").fetchone() == (0,)


TEA = {
    "name": "tea",
    "title": "Tea",
    "description": "Brews tea.",
    "scopes": {"profile.region": "For the water."},
    "domains": ["pictures.example.org"],
}
TEA_SOURCE = """
function handle(event) {
  const says = (text) => ({ type: "ui.send", text });
  const scopes = { region: ["profile.region"], name: ["profile.name"], face: ["profile.avatar"] };
  const said = event.data.text;
  if (scopes[said]) return { state: 0, effects: [{ type: "scope.request", tag: "s", scopes: scopes[said] }] };
  if (said === "brew") return { state: 0, effects: [{ type: "timer.set", tag: "tea", after: 1 }, says("It brews.")] };
  if (event.type === "timer") return { state: 0, effects: [says("Your tea is ready.")] };
  if (event.type === "close") return { state: 0, effects: [] };
  const cup = { alt: "A cup", url: "https://pictures.example.org/cup.png" };
  if (said === "cup") return { state: 0, effects: [{ type: "ui.send", text: "Yours", picture: cup }] };
  const face = event.user.profile.avatar;
  const picture = { alt: "You", data: face };
  if (face) return { state: 0, effects: [{ type: "ui.send", text: "This is you", picture }] };
  return { state: 0, effects: [says(event.type + " " + JSON.stringify(event.user.profile))] };
}
"""


async def mp(bot: BotProcess, *arguments: str) -> str:
    """What an operator does beside the running bot; what is printed."""
    return await printed("mp", *arguments)


async def install_tea(
    bot: BotProcess, directory: Path, version: str, source: str = TEA_SOURCE, **changes: object
) -> None:
    folder = directory / version
    folder.mkdir()
    about = {"manifest": 1, "version": version, "languages": ["en"], "main": "main.js", **TEA, **changes}
    (folder / "manifest.json").write_text(json.dumps(about))
    (folder / "main.js").write_text(source)
    package = str(folder / "tea.mp")
    await mp(bot, "pack", str(folder), "--output", package)
    await mp(bot, "install", package, "--unsigned", "--yes", "-c", str(bot.config))


async def test_what_a_program_may_is_asked_listed_widened_and_forgotten(
    meet: Meet, bot: BotProcess, record: Record, gallery: Gallery, tmp_path: Path
) -> None:
    record.sources["tea"] = TEA_SOURCE
    await install_tea(bot, tmp_path, "1.0.0")
    alice = await meet("alice", 1)
    await alice.ask(f"profile set name {NAME}")
    await alice.ask(f"profile set region {REGION}")
    preview = json.loads((await alice.ask("apps preview tea")).split("```")[1])
    await says(alice, "open tea", "open {}")
    [opened] = [one.event for one in record.told() if one.program == "tea"]
    for key in ("v", "type", "user", "chat", "locale", "data"):
        assert preview[key] == opened[key], "what was shown is what is told"

    await says(alice, "region", "asks for your region", "For the water.")
    await says(alice, "2", "scope.result", REGION)
    # An update that asks for more runs with what was granted, until it asks.
    wider = {
        "profile.region": "For the water.",
        "profile.name": "To call you.",
        "profile.avatar": "To put it on your cup.",
        "notify": "To tell you.",
    }
    await install_tea(bot, tmp_path, "1.1.0", scopes=wider)
    await says(alice, "hello", json.dumps({"region": REGION}, separators=(",", ":")))
    await says(alice, "name", "asks for your name", "To call you.")
    assert "does not get your name" in await alice.ask("3")
    # A picture is told small and drawn anew, and can be shown again.
    photo = tmp_path / "me.jpg"
    Image.effect_noise((640, 480), 80).convert("RGB").save(photo, "JPEG", comment=b"taken at home")
    assert isinstance(alice.client, JsClient)
    await alice.client.send_image(alice.room, photo, "image/jpeg", caption="profile set avatar")
    await says(alice, "face", "asks for your picture", "To put it on your cup.")
    mine = await says(alice, "1", "This is you", "You")
    assert mine.content["msgtype"] == "m.image"
    [face] = {one.event["user"]["profile"].get("avatar") for one in record.told() if one.program == "tea"} - {None}
    with Image.open(io.BytesIO(base64.b64decode(face))) as small:
        assert (small.width, small.height) == (96, 72)
        assert "comment" not in small.info
    assert "does not get your picture any more" in await alice.ask("revoke 3")
    # A picture on a server comes once she agrees to that server, which learns nothing of her.
    await says(alice, "cup", f"wants to ask the server {PICTURES}", "leaves the encryption")
    assert [m.content["msgtype"] for m in shown(alice) if "(picture: A cup)" in m.body] == ["m.text"]
    assert gallery.asked == []
    cup = await says(alice, "1", "Yours", "A cup")
    assert cup.content["msgtype"] == "m.image"
    assert cup.content["file"]["url"].startswith("mxc://")
    [request] = gallery.asked
    assert request.startswith("GET /cup.png ")
    assert personal(request) == []
    # A grant whose purpose is another one now is none.
    await install_tea(bot, tmp_path, "1.2.0", scopes={**wider, "profile.region": "For an advertisement."})
    await says(alice, "hello", "text {}")
    assert not [one.raw for one in record.told() if one.program == "tea" and NAME in one.raw]

    # One yes is for one later message.
    await says(alice, "brew", "may send you one message later", "To tell you.")
    mark = alice.client.mark()
    await alice.client.send(alice.room, "1")
    await told(alice, mark, "Your tea is ready.", "the one message that you had agreed to")
    await says(alice, "brew", "may send you one message later")

    assert "does not know you any more" in await alice.ask("apps reset tea")
    await says(alice, "open tea", "open {}")
    events = [one.event for one in record.told() if one.program == "tea"]
    [left] = [event for event in events if event["type"] == "close"]
    assert left["data"] == {"reason": "left"}
    assert left["user"]["id"] == opened["user"]["id"], "that is all that it learns"
    assert not {events[-1]["user"]["id"], events[-1]["chat"]["id"]} & {opened["user"]["id"], opened["chat"]["id"]}


BAR_SOURCE = """
function handle(event) {
  const says = (text, more) => ({ type: "ui.send", text, ...more });
  if (event.type === "choice") return { state: 0, effects: [says("Here is your " + event.data.choice)] };
  if (event.type === "close") return { state: 0, effects: [] };
  const choices = [{ id: "no-1", label: "Tea" }, { id: "no-2", label: "Milk" }];
  const to = event.data.text === "alone" ? "user" : "chat";
  return { state: 0, effects: [says("What will it be?", { choices, to })] };
}
"""


async def test_buttons_are_pressed_by_whom_they_were_offered_to(
    meet: Meet, bot: BotProcess, record: Record, tmp_path: Path
) -> None:
    """Clients that draw buttons send a token back; who copies it gets what a token gets that never was."""
    record.sources["bar"] = BAR_SOURCE
    about = {"name": "bar", "title": "Bar", "scopes": {}, "domains": []}
    await install_tea(bot, tmp_path, "1.0.0", BAR_SOURCE, **about)
    alice, carol = await meet("alice"), await meet("carol", 1)
    assert isinstance(alice.client, JsClient)
    room = await gather(alice, carol, bot)

    async def presses(person: Friendly, room: str, token: str) -> str:
        assert isinstance(person.client, JsClient)
        mark = person.client.mark()
        content = {"msgtype": "m.text", "body": "a drink", "chat.courtyard.choice": {"token": token}}
        sent = await person.client.send_raw(room, "m.room.message", content, encrypted=True)
        answer = await person.client.wait_message(room, lambda m: m.reply_to == sent, WAIT, since=mark)
        return answer.body

    def tokens(message: Message) -> dict[str, str]:
        return {one["label"]: one["token"] for one in message.content["chat.courtyard.choices"]["choices"]}

    gone = "That choice can't be made, or not any more. Nothing was done."
    seen: set[str] = set()
    await alice.client.send(room, "!open bar")
    in_room = [await p.client.wait_message(room, lambda m: "What will it be?" in m.body, WAIT) for p in (alice, carol)]
    mine = await says(alice, "open bar", "What will it be?")
    for where, offered in ((room, in_room[1]), (carol.room, mine)):
        copied = tokens(offered)
        seen |= set(copied.values())
        for token in (copied["Milk"], "A" * len(copied["Milk"])):
            assert await presses(carol, where, token) == gone
    assert tokens(in_room[0]) == tokens(in_room[1]), "in a room all of them see it"
    for where, offered in ((room, in_room[0]), (alice.room, mine)):
        assert "Here is your no-2" in await presses(alice, where, tokens(offered)["Milk"])
    # What one person in the room is shown alone is chosen in their own chat, as long as they are in the room.
    mark = carol.client.mark()
    await carol.client.send(room, "!alone")
    hers = await carol.client.wait_message(carol.room, lambda m: "What will it be?" in m.body, WAIT, since=mark)
    assert await presses(alice, alice.room, tokens(hers)["Milk"]) == gone
    content = {"msgtype": "m.text", "body": "a drink", "chat.courtyard.choice": {"token": tokens(hers)["Tea"]}}
    assert isinstance(carol.client, JsClient)
    await carol.client.send_raw(carol.room, "m.room.message", content, encrypted=True)
    await alice.client.wait_message(room, lambda m: "Here is your no-1" in m.body, WAIT)
    mark = alice.client.mark()
    await carol.client.send(carol.room, "2", reply_to=hers.event_id)
    await alice.client.wait_message(room, lambda m: "Here is your no-2" in m.body, WAIT, since=mark)
    await carol.client.leave(room)
    await alice.client.wait_membership(room, carol.user_id, "leave")
    await says(alice, "!ping", "pong")
    assert await presses(carol, carol.room, tokens(hers)["Milk"]) == gone
    told = [one for one in record.told() if one.program == "bar"]
    assert [one.event["type"] for one in told] == ["open", "open", "choice", "choice", "text", "choice", "choice"]
    assert not [one.raw for one in told if "a drink" in one.raw or any(token in one.raw for token in seen)]


async def test_nothing_that_left_towards_programs_names_anybody(
    meet: Meet, servers: tuple[Homeserver, Homeserver], bot: BotProcess, record: Record
) -> None:
    """Over the whole run of this file: the last test of it."""
    alice = await meet("alice", olm=True)
    await alice.ask(f"profile set name {NAME}")
    for program in ("canteen", "word", "poll"):  # with nothing granted
        mark = alice.client.mark()
        await alice.client.send(alice.room, f"open {program}")
        await told(alice, mark, "It does not learn who you are")
        await says(alice, "!ping", "pong")
    everything = record.told()
    assert {"canteen", "word", "poll"} <= {one.program for one in everything}
    assert "?" not in {one.program for one in everything}
    asked = {"canteen": {"profile.name"}, "tea": {"profile.region", "profile.avatar", "notify"}}
    names = [bot.user_id, alice.user_id, alice.room, *(hs.server_name for hs in servers)]
    for one in everything:
        assert personal(one.raw) == [], one.program
        assert not [name for name in names if name in one.raw]
        assert isinstance(one.event["now"], int)
        granted = set(one.event["user"]["scopes"]) | {f"profile.{name}" for name in one.event["user"]["profile"]}
        assert granted <= asked.get(one.program, set())
        if one.program not in ("canteen", "tea"):
            assert NAME not in one.raw
            assert REGION not in one.raw
    # Who somebody is in one program, and where, says nothing about any other.
    ids = {
        program: {
            value
            for one in everything
            if one.program == program
            for value in (one.event["user"]["id"], one.event["chat"]["id"], one.event["id"], one.event["seed"])
        }
        for program in {one.program for one in everything}
    }
    assert sum(map(len, ids.values())) == len(set().union(*ids.values()))
