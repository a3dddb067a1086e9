"""Random words in everything personal that people can give: at rest, none of them is found anywhere."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from bridge.demo.synapse import Homeserver
from tests.conftest import create_postgres_database
from tests.e2e.archives import export, send_file, take_it
from tests.e2e.births import printed
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.flow import answers, told
from tests.e2e.people import PASSWORD, Friendly, befriend, js_person, olm_person, open_dm

pytestmark = pytest.mark.e2e


class Words:
    """Words that stand nowhere else, and where each was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def new(self, place: str) -> str:
        # Long enough to be split by nothing, and in the signs that a Matrix id may have.
        word = f"zq{secrets.token_hex(8)}"
        self.places[word] = place
        return word

    def found_in(self, content: bytes) -> set[str]:
        """Places whose word is in some bytes, as it is or in a usual encoding."""
        lower = content.lower()
        words = {word.encode(): place for word, place in self.places.items()}
        parts = [(list(_base64_parts(word)), place) for word, place in self.places.items()]
        return {
            *_standing(words, lower),
            *_standing({word.hex().encode(): place for word, place in words.items()}, lower),
            *(place for n in range(3) for place in _standing({part[n]: place for part, place in parts}, content)),
            *_standing({word.encode("utf-16-le"): place for word, place in self.places.items()}, content),
        }


def _standing(needles: Mapping[bytes, str], content: bytes) -> Iterator[str]:
    """Which of some needles stand in a haystack. Nearly all begin alike: so that is searched for, once."""
    alike: dict[tuple[int, bytes], list[bytes]] = {}
    for needle in needles:
        alike.setdefault((len(needle), needle[:2]), []).append(needle)
    for (length, _), some in alike.items():
        first, last = min(some), max(some)
        begin = first[: next((n for n in range(length) if first[n] != last[n]), length)]
        at = content.find(begin)
        while at >= 0:
            if (place := needles.get(content[at : at + length])) is not None:
                yield place
            at = content.find(begin, at + 1)


def _base64_parts(word: str) -> Iterator[bytes]:
    """What is in the base64 of any text that the word is in, for each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word.encode())
        yield encoded[(before * 8 + 5) // 6 : -4]


def test_words_are_found_where_they_stand() -> None:
    words = Words()
    assert words.found_in(b"anything") == set()
    word, other = words.new("here"), words.new("there")
    for content in (
        word,
        f"x{word}y",
        word.upper(),
        word.encode().hex(),
        f"z{word[:-1]}{word}",
        f"7a{word.encode().hex()}",
    ):
        assert words.found_in(content.encode()) == {"here"}
    assert words.found_in(f"x{word}".encode("utf-16-le")) == {"here"}
    for before in range(6):
        assert words.found_in(base64.b64encode(b"x" * before + word.encode() + b"yyyy")) == {"here"}
    assert words.found_in((word + other).encode()) == {"here", "there"}
    assert words.found_in(base64.b64encode(secrets.token_bytes(9999))) == set()
    for _ in range(50):
        words.new("elsewhere")
    words.places |= {"2345-6789-abcd": "a code", "zq45-6789-abcd": "another"}  # of another length
    for spoken in (
        word,
        word.encode().hex(),
        base64.b64encode(word.encode()).decode(),
        base64.b64encode(b"x" + word.encode()).decode(),
    ):
        assert words.found_in(b"zq zqz 7a71 enF" + spoken.encode()) == {"here"}
        assert words.found_in(b"2345-6789-ABCD" + spoken.encode()) == {"here", "a code"}


def tables(url: str) -> bytes:
    """All rows of all tables of a PostgreSQL database, binary columns in hexadecimal."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CHECKPOINT")
        rows = [
            str(row)
            for table in sa.inspect(engine).get_table_names()
            for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} t").scalars()
        ]
    engine.dispose()
    return "\n".join(rows).encode()


def files(directories: Sequence[Path], but: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
    for directory in directories:
        for file in directory.rglob("*"):
            if file.name in but or not file.is_file():
                continue
            with contextlib.suppress(FileNotFoundError):  # a server's own files come and go
                yield str(file.relative_to(directory)), file.read_bytes()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_nothing_personal_lies_readable(
    servers: tuple[Homeserver, Homeserver],
    js: JsProcess,
    tmp_path: Path,
    engine: str,
    request: pytest.FixtureRequest,
) -> None:
    settings: dict[str, dict[str, object]] = {"log": {"level": "info"}}
    directories = [tmp_path / "bot"]
    urls: list[str] = []
    if engine == "postgresql":
        server = request.getfixturevalue("postgres_url")
        urls = [create_postgres_database(server, name) for name in ("courtyard_canary", "courtyard_canary_keys")]
        settings |= {"database": {"url": urls[0]}, "vault": {"key_store_url": urls[1]}}
        directories.append(Path(str(sa.make_url(server).query["host"])) / "data")
    words = Words()
    bot_name = f"courtyard-{secrets.token_hex(4)}"
    async with running_bot(tmp_path / "bot", servers[0], bot_name, settings) as bot, OlmClient() as client:
        alice = await js_person(js, servers[0], words.new("name of a person"), bot)
        bob = await olm_person(client, servers[1], words.new("name of a person elsewhere"), bot)
        assert isinstance(alice.client, JsClient)
        await fill(servers, js, bot, alice, bob, words, tmp_path)

        def look() -> None:
            # The configuration holds what the operator wrote, and the log is looked at by itself.
            for name, content in files(directories, ("courtyard.yaml",)):
                assert words.found_in(content) == set(), name
                assert words.found_in(name.encode()) == set(), "a file's name"
            for url in urls:
                assert words.found_in(tables(url)) == set()
            assert words.found_in(bot.log().encode()) == set()

        look()
        # What shows, shows: the search looks at the right place.
        everything = b"".join(content for _, content in files(directories)) + b"".join(map(tables, urls))
        assert alice.room.encode() in everything
        await rotate(bot)
        assert "@" in await alice.ask(f"friend add @{words.new('name of the last one')}:{servers[1].server_name}")
        assert words.found_in((await bob.ask("profile")).encode()) == {
            "name of a person elsewhere",
            "name of the other",
        }
        await bot.kill()
        look()
        await bot.start()
        assert words.found_in((await alice.ask("profile")).encode()) >= {"name in a profile", "bio"}
        assert await bot.stop() == 0
        look()


async def rotate(bot: BotProcess) -> None:
    """Exchange the master key while the bot runs."""
    before = (bot.directory / "var" / "master.key").read_text()
    out = await printed("vault", "rotate", "-c", str(bot.config))
    assert "wrapped by the new master key" in out
    after = (bot.directory / "var" / "master.key").read_text()
    assert before not in after
    assert len(after.split()) == 1


async def fill(
    servers: tuple[Homeserver, Homeserver],
    js: JsProcess,
    bot: BotProcess,
    alice: Friendly,
    bob: Friendly,
    words: Words,
    directory: Path,
) -> None:
    """Give the bot a word in everything that takes one."""
    assert isinstance(alice.client, JsClient)
    new = words.new
    await befriend(alice, bob)
    # People whom nobody has seen, one of them twice; a note that waits.
    await alice.ask(f"friend add @{new('name of somebody named')}:{servers[1].server_name} {new('note that waits')}")
    await alice.ask(f"profile set name {new('name in a profile')}")
    await alice.ask(f"profile set bio {new('bio')} {new('bio, second word')}")
    await bob.ask(f"profile set name {new('name of the other')}")
    await alice.ask("language en")
    # What one keeps about others, fields with names of one's own, codes.
    for command in (
        f"tag add #{new('tag')} {bob.user_id}",
        f"remark {bob.user_id} {new('remark')}",
        f"note {bob.user_id} {new('note about somebody')}",
        f"profile set {new('name of a field')} {new('own field')}",
        f"profile set phone {new('phone')}",
        f"privacy set phone {bob.user_id}",
    ):
        answer = await alice.ask(command)
        assert "went wrong" not in answer
        assert "I know no" not in answer
    mark = alice.client.mark()
    sent = await alice.client.send(alice.room, "invite new")
    await told(alice, mark, "invite")
    [code] = re.findall(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){2}", (await alice.client.replies(alice.room, sent))[0].body)[:1]
    words.places[code.lower()] = "invite code"
    for command in ("profile", "privacy", "privacy checkup", f"view as {bob.user_id}", "log", "tags", "invites"):
        await alice.ask(command)
    name = new("name of an account with named devices")
    await servers[0].register(name, PASSWORD)
    carol_client = await js.login(name, servers[0].url, name, PASSWORD, device_name=new("name of a device"))
    try:
        await carol_client.request(
            "PUT", f"/profile/{carol_client.user_id}/displayname", body={"displayname": new("shown name")}
        )
        carol = await open_dm(carol_client, bot)
        mark = alice.client.mark()
        note = new("note of a request")
        await carol.ask(f"friend add {alice.user_id} {note}")
        await told(alice, mark, note)
        await alice.ask(f"friend accept {carol.user_id}")

        post = new("post")
        assert "#1" in await alice.ask(f"post {post}")
        assert "#2" in await alice.ask(f"post to {bob.user_id} | {new('post to some')}")
        await answers(bob, "feed")
        mark = alice.client.mark()
        comment = new("comment")
        assert "#" in await bob.ask(f"comment 1 {comment}")
        await told(alice, mark, comment)
        sent = await alice.client.send(alice.room, f"post {new('post before its edit')}")
        await alice.client.replies(alice.room, sent)
        await alice.client.edit(alice.room, sent, f"post {new('post after its edit')}")
        await alice.ask(f"comment 1 {new('own comment')}")
        Image.new("RGB", (64, 48), "green").save(directory / f"{new('name of a file')}.png")
        [photo] = directory.glob("*.png")
        picture = await alice.client.send_image(alice.room, photo, "image/png", caption=f"post {new('caption')}")
        await alice.client.replies(alice.room, picture)
        photo.unlink()
        # What was deleted, what was no command, what nobody can use.
        deleted = await alice.client.send(alice.room, f"post {new('deleted post')}")
        await alice.client.replies(alice.room, deleted)
        await alice.client.redact(alice.room, deleted, reason=new("reason of a deletion"))
        await alice.ask(f"{new('no command')}")
        await alice.ask(f"album @{new('name of nobody')}:example.org")
        for person in (alice, bob, carol):
            await answers(person, "feed")
            await answers(person, "friends")
        # Everything of Alice's as a file, taken back where it came from; and what is no such file.
        for data in await export(alice, directory):
            await send_file(alice, data, directory, "import")
        await take_it(alice)
        await send_file(alice, new("no export").encode(), directory, "import")
        for file in (*directory.glob("file-*"), *directory.glob("send-*")):
            file.unlink()
    finally:
        await carol_client.stop()
