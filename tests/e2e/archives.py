"""Exports and imports, as people's clients send and fetch them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.flow import shown
from tests.e2e.people import Friendly, unique

_WAIT = 60.0


async def fetched(person: Friendly, message: Message, directory: Path) -> bytes:
    """The file that a message brings, as the person's client decrypts it."""
    if isinstance(person.client, OlmClient):
        return await person.client.download_image(message)
    target = directory / unique("file")
    await person.client.download_image(person.room, message.event_id, target)
    return target.read_bytes()


async def export(person: Friendly, directory: Path) -> list[bytes]:
    """The parts of an export that somebody asks for."""
    before = {message.event_id for message in shown(person)}
    mark = person.client.mark()
    await person.ask("export")
    await person.client.wait_message(person.room, lambda m: "index.html" in m.body, _WAIT, since=mark)
    return [await fetched(person, one, directory) for one in files(person) if one.event_id not in before]


def files(person: Friendly) -> list[Message]:
    """The files that somebody's client shows, in order."""
    return [message for message in shown(person) if message.content.get("msgtype") == "m.file"]


async def send_file(person: Friendly, data: bytes, directory: Path, caption: str | None = None) -> Message:
    """Send a file as clients do; what the bot says next."""
    mark = person.client.mark()
    if isinstance(person.client, OlmClient):
        extra = {"msgtype": "m.file"}
        await person.client.send_image(
            person.room, data, "application/zip", caption, filename="courtyard.zip", content_extra=extra
        )
    else:
        path = directory / f"{unique('send')}.zip"
        path.write_bytes(data)
        await person.client.send_image(person.room, path, "application/zip", caption=caption, msgtype="m.file")
    return await person.client.wait_message(person.room, lambda m: m.decryption_failure is None, _WAIT, since=mark)


async def take_it(person: Friendly) -> str:
    """Say yes to the question that came last; what the bot says when it is done."""
    mark = person.client.mark()
    asked = [message for message in shown(person) if "Shall I take it back" in message.body][-1]
    await person.client.send(person.room, "1", reply_to=asked.event_id)
    return (await person.client.wait_message(person.room, lambda m: "Done" in m.body, _WAIT, since=mark)).body
