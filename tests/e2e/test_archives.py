"""P10, P11, O3 on real homeservers: an export, taken back elsewhere; an operator who looks beside the running bot."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from PIL import Image

from bridge.demo.synapse import Homeserver
from tests.archives import moments, unpacked
from tests.e2e.archives import export, fetched, files, send_file, take_it
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.flow import answers, gone, meeting, number, shown, told
from tests.e2e.leaks import canary, server_rows
from tests.e2e.people import Friendly, befriend, open_dm, unique
from tests.property.test_hostile_archives import files_of, packed

pytestmark = pytest.mark.e2e

_WAIT = 60.0
SMALL = {"archives": {"part_bytes": 65_536, "per_day": 100}}


async def take(person: Friendly, zips: list[bytes], directory: Path) -> str:
    await person.ask("import")
    for data in zips:
        answer = await send_file(person, data, directory)
    assert "Shall I take it back" in answer.body, answer.body
    return await take_it(person)


@pytest.mark.parametrize("olm", [False, True], ids=["js", "olm"])
async def test_there_and_back(servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path, olm: bool) -> None:
    """Carol of the second server takes what she has with a bot of the first to a bot of the second."""
    words = {what: canary() for what in ("post", "for bob", "name", "caption", "later")}
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), SMALL) as bot,
        running_bot(tmp_path / "other", servers[1], unique("courtyard"), SMALL) as other,
        meeting(servers, js, bot) as meet,
    ):
        bob, carol = await meet("bob"), await meet("carol", 1, olm=olm)
        await befriend(bob, carol)
        await carol.ask(f"profile set name {words['name']}")
        for _ in range(3):
            await carol.ask("post " + "".join(canary() for _ in range(100)))
        await carol.ask(f"post {words['post']}")
        await carol.ask(f"post to {bob.user_id} | {words['for bob']}")
        await picture(carol, words["caption"], tmp_path)
        await carol.ask(f"post at in 2 days | {words['later']}")
        [seen, *_] = [m for m in await answers(bob, "feed") if words["post"] in m.body]
        await bob.ask(f"comment {number(seen)} Bob says")
        zips = await export(carol, tmp_path)
        inside = unpacked(zips)
        found = moments(inside)
        assert [one["source"]["content"] for one in found[:3]] == [words["caption"], words["for bob"], words["post"]]
        assert "Bob says" in inside["moments/0001.html"].decode()
        [image] = found[0]["attachment"]
        assert inside[image["url"].removeprefix("../")].startswith((b"\xff\xd8\xff", b"\x89PNG"))
        assert "you asked for an export" in "\n".join(m.body for m in await answers(carol, "log"))
        # Elsewhere, where Bob is a friend too.
        mine = await open_dm(carol.client, other)
        his = await open_dm(bob.client, other)
        await befriend(his, mine)
        assert "with 6 moments" in await take(mine, zips, tmp_path)
        assert words["later"] in "\n".join(m.body for m in await answers(mine, "drafts"))
        seen_there = [m for text in ("feed", "feed more") for m in await answers(his, text)]
        for word in (words["post"], words["for bob"], words["caption"]):
            assert any(word in m.body for m in seen_there)
        again = unpacked(await export(mine, tmp_path))
        for before, after in zip(found, moments(again), strict=True):
            for key in ("id", "published", "source", "audience_rule", "to"):
                assert before[key] == after[key]
        assert json.loads(again["actor.json"])["name"] == words["name"]
        # At home again nothing is new, over a restart in the middle of it.
        await carol.ask("import")
        for data in zips:
            asked = await send_file(carol, data, tmp_path)
        assert "6 moments that are here" in asked.body
        await bot.kill()
        await bot.start()
        mark = carol.client.mark()
        await carol.client.send(carol.room, "1")
        await carol.client.wait_message(
            carol.room, lambda m: "no moment that was not here" in m.body, _WAIT, since=mark
        )
        readable(servers, [*words.values()])


def readable(servers: tuple[Homeserver, Homeserver], words: list[str]) -> None:
    """No homeserver has any of it readable: neither in events nor in files."""
    for server in servers:
        for (text,) in server_rows(server, "SELECT json FROM event_json"):
            assert not [word for word in words if word in text]
        for file in server.data_dir.rglob("*"):
            if file.is_file() and "media" in str(file):
                content = file.read_bytes()
                assert not content.startswith(b"PK\x03\x04")
                assert not [word for word in words if word.encode() in content]


async def picture(person: Friendly, caption: str, directory: Path) -> None:
    path = directory / f"{unique('picture')}.png"
    Image.effect_noise((200, 100), 50).convert("RGB").save(path)
    mark = person.client.mark()
    if isinstance(person.client, OlmClient):
        await person.client.send_image(person.room, path.read_bytes(), "image/png", f"post {caption}")
    else:
        await person.client.send_image(person.room, path, "image/png", caption=f"post {caption}")
    await told(person, mark, "Posted as")


async def test_killed_while_an_export_is_made_it_comes_once(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), SMALL) as bot,
        meeting(servers, js, bot) as meet,
    ):
        carol = await meet("carol", 1)
        for _ in range(4):
            await picture(carol, canary(), tmp_path)
        mark = carol.client.mark()
        await carol.client.send(carol.room, "export")
        await told(carol, mark, "putting together")
        await bot.kill()
        await bot.start()
        await carol.client.wait_message(carol.room, lambda m: "index.html" in m.body, _WAIT, since=mark)
        assert await carol.ask("ping") == "pong"
        assert len(files(carol)) > 1, "it is split"
        found = unpacked([await fetched(carol, message, tmp_path) for message in files(carol)])
        assert len(moments(found)) == 4
        assert sum(name.startswith("media/") for name in found) == 4


async def test_bad_files_get_a_line(servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path) -> None:
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), SMALL) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        await alice.ask("post Of Alice")
        [hers] = await export(alice, tmp_path)
        own = files_of((await export(carol, tmp_path))[0])
        for data, line in (
            (packed({**own, "../../index.html": b"x"}), "damaged"),
            (packed({**own, "contacts.json": b" " * 64 * 1024 * 1024 + b"{}"}), "larger than I take"),
            (b"no zip", "no export of Courtyard"),
            (hers, "somebody else"),
            (hers[:-40], "damaged"),
            (hers[: len(hers) // 2] + b"x" + hers[len(hers) // 2 + 1 :], "damaged"),
        ):
            answer = await send_file(carol, data, tmp_path, "import")
            assert line in answer.body
            assert "Nothing was changed" in answer.body
        assert "can't use" in (await send_file(carol, hers, tmp_path)).body
        assert "Nothing here yet" in await carol.ask("feed")


async def test_an_operator_looks_beside_the_running_bot(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """Break-glass: what is shown is told to the person of the other server, and stands in the ledger and in the log."""
    word, why = canary(), f"A report {canary()}"
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), SMALL) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        await carol.ask(f"post {word}")
        mark = carol.client.mark()
        status = await admin(bot, "status")
        assert word not in status
        looked = json.loads(await admin(bot, "open", carol.user_id, "--reason", why, "--what", "moments"))
        assert [one["text"] for one in looked["moments"]] == [word]
        await carol.client.wait_message(carol.room, lambda m: why in m.body, 120, since=mark)
        assert why in "\n".join(m.body for m in await answers(carol, "log"))
        assert await alice.ask("ping") == "pong"
        assert not [m for m in shown(alice) if why in m.body], "nobody else is told"
        assert "as they were written" in await admin(bot, "verify-log")
        assert bot.running


async def admin(bot: BotProcess, *arguments: str) -> str:
    """Run `courtyard admin …`, which must succeed; what it prints."""
    return await printed("admin", *arguments, "-c", str(bot.config))


async def test_what_is_old_goes_with_its_keys(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """O4, class by class: by the operator's wish and by its author's; who is on the other server sees it taken back."""
    word, kept, note, ancient = canary(), canary(), canary(), canary()
    limits = {"moments_days": 400, "log_days": 1, "requests_days": 90, "inactive_days": 30, "notice_days": 7}
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), {**SMALL, "retention": limits}) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        await befriend(alice, carol)
        await carol.ask(f"post {ancient}")
        assert "one day after" in await alice.ask("moments keep 1d")
        await alice.ask(f"post {word}")
        await carol.ask(f"post {kept}")
        await carol.ask(f"friend add @{unique('nobody')}:{alice.user_id.partition(':')[2]} {note}")
        [copy] = [m for m in await answers(carol, "feed") if word in m.body]
        feed = await answers(alice, "feed")
        [hers], [oldest] = ([m for m in feed if one in m.body] for one in (kept, ancient))
        log = "\n".join(m.body for m in await answers(carol, "log"))
        assert "first time" in log or "device" in log, log
        before = json.loads(await admin(bot, "status"))
        for older in (
            "UPDATE moments SET created_at = created_at - 2 * 86400000",
            "UPDATE moments SET created_at = created_at - 400 * 86400000 WHERE id = 1",
            "UPDATE access_log SET at = at - 91 * 86400000",
            "UPDATE friend_requests SET created_at = created_at - 91 * 86400000",
            "UPDATE day_keys SET day = day - 91",
            "UPDATE people SET seen_at = seen_at - 31 * 86400000, opened_at = opened_at - 31 * 86400000",
        ):
            await changed(bot, older)
        assert await bot.stop() == 0
        counts = json.loads(await admin(bot, "retention", "--dry-run"))
        assert (counts["moments"], counts["moments_by_wish_of_their_authors"]) == (1, 1)
        assert (counts["requests"], counts["inactive_people"]) == (1, 2)
        assert counts["log_entries"] >= 2
        again = json.loads(await admin(bot, "retention", "--dry-run"))
        assert again == counts, "it only counts"
        marks = alice.client.mark(), carol.client.mark()
        await bot.start()
        await gone(carol, copy.event_id)
        await gone(alice, oldest.event_id)
        for person, mark in zip((alice, carol), marks, strict=True):
            await told(person, mark, "not said anything to me for long")
        # Alice says something, and stays. Carol does not.
        assert word not in "\n".join(m.body for m in await answers(alice, "album"))
        after = json.loads(await admin(bot, "retention", "--dry-run"))
        assert [after[what] for what in ("moments", "requests", "log_entries", "inactive_people")] == [0, 0, 0, 0]
        async with asyncio.timeout(_WAIT):  # the keys of the two moments, of the log's day and of the requests'
            while json.loads(await admin(bot, "status"))["erased"] < before["erased"] + 4:
                pass
        assert "nothing" in (await alice.ask("log")).lower()
        await changed(bot, "UPDATE deletions SET due_at = 1")
        mark = carol.client.mark()
        assert await bot.stop() == 0
        await bot.start()
        await carol.client.wait_message(
            carol.room, lambda m: m.decryption_failure is None and "Your account was erased" in m.body, 90, since=mark
        )
        await gone(alice, hers.event_id)
        assert "no friends" in await alice.ask("friends")


async def test_the_operator_lets_go_what_is_of_single_people(
    servers: tuple[Homeserver, Homeserver], js: JsProcess, tmp_path: Path
) -> None:
    """O4: a limit of one's own in place of everybody's, shorter or none; a name that nobody has changes nothing."""
    hers, kept = canary(), canary()
    async with (
        running_bot(tmp_path / "bot", servers[0], unique("courtyard"), {"retention": {"moments_days": 400}}) as bot,
        meeting(servers, js, bot) as meet,
    ):
        alice, carol = await meet("alice"), await meet("carol", 1)
        await befriend(alice, carol)
        await alice.ask(f"post {kept}")
        await carol.ask(f"post {hers}")
        [of_carol] = [m for m in await answers(alice, "feed") if hers in m.body]
        [of_alice] = [m for m in await answers(carol, "feed") if kept in m.body]
        before = json.loads(await admin(bot, "status"))["erased"]
        assert await bot.stop() == 0
        await changed(bot, "UPDATE moments SET created_at = created_at - 500 * 86400000")
        config = yaml.safe_load(bot.config.read_text())
        limits = {alice.user_id: {"moments_days": "never"}, carol.user_id: {"moments_days": 450}}
        config["retention"]["people"] = {**limits, "@nobody:nowhere.example.org": {"log_days": 1}}
        bot.config.write_text(yaml.safe_dump(config))
        counts = json.loads(await admin(bot, "retention", "--dry-run"))
        assert (counts["moments"], counts["people_with_limits_of_their_own"]) == (1, 2)
        assert carol.user_id not in json.dumps(counts)
        await bot.start()
        await gone(alice, of_carol.event_id)
        async with asyncio.timeout(_WAIT):
            while json.loads(await admin(bot, "status"))["erased"] < before + 1:
                pass
        assert kept in "\n".join(m.body for m in await answers(alice, "album"))
        assert "450 days after" in await carol.ask("moments keep")
        assert of_alice.event_id in [m.event_id for m in shown(carol) if not m.redacted]
        assert bot.running


async def changed(bot: BotProcess, query: str) -> None:
    """Change something in the database of the bot, as if time had passed."""

    def work() -> None:
        with sqlite3.connect(bot.database, timeout=30) as database:
            database.execute(query)
        database.close()

    await asyncio.to_thread(work)
