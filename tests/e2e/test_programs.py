"""Mini-programs, with people whose clients have nothing to do with the bot, on two servers."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, meeting, shown, told
from tests.e2e.people import Friendly

pytestmark = pytest.mark.e2e

WAIT = 60.0


def shows(board: str, stones: int, message: Message) -> bool:
    """Whether it is this board with so many stones."""
    return message.event_id == board and message.body.count("X") + message.body.count("O") == stones


async def says(person: Friendly, text: str, *words: str) -> Message:
    """Send a message; the first thing after it that has all these words."""
    mark = person.client.mark()
    await person.client.send(person.room, text)
    return await told(person, mark, *words)


async def test_order_food_and_take_back_the_name(meet: Meet, bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
    await carol.ask("open canteen")
    await says(carol, "kitchen", "You run the kitchen")
    await says(carol, "dish 4.50 Soup", "1. Soup, €4.50.")
    await alice.ask("profile set name Alice Liddell")
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


async def test_two_people_on_two_servers_play_in_a_room(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    settings = {"access": {"invites": "all"}}
    async with (
        running_bot(tmp_path, servers[0], unique("courtyard"), settings) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        assert isinstance(alice.client, JsClient)
        room = await alice.client.create_room(invite=[carol.user_id, bot.user_id])
        await alice.client.wait_membership(room, bot.user_id, "join")
        assert await carol.client.wait_invite(alice.user_id) == room
        await carol.client.join(room)
        await alice.client.wait_membership(room, carol.user_id, "join")
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
