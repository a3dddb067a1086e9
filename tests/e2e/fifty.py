"""Fifty commands: what a person does in a good first hour, the same for every client and from every server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.e2e.clients.js import JsClient
from tests.e2e.clients.message import Message
from tests.e2e.flow import number, shown, told
from tests.e2e.people import Friendly

WAIT = 30.0
THEIRS = "seen from the friend's window"


@dataclass(frozen=True, slots=True)
class Step:
    """One command. In texts, `{friend}` is the friend's id, `{me}` one's own, and any `keep` a number kept before."""

    text: str
    answer: str
    """What stands in the answer that is meant."""
    how: str = "say"
    """say, reply, thread, edit, react, picture, redact."""
    at: str = ""
    """The name of what it hangs on."""
    name: str = ""
    """Under which this message and its answer are found later."""
    keep: str = ""
    """Under which the number in the answer is kept."""


FIFTY = (
    Step("👍", "Please answer this question with its number", "react", at="request"),
    Step("1", "are friends now", "reply", at="request"),
    Step("ping", "pong", name="ping"),
    Step("!ping", "pong"),
    Step("hello", "pong"),
    Step("你好", "pong"),
    Step("ping", "pong", "reply", at="ping"),
    Step("ping", "pong", "thread", at="ping"),
    Step("help", "friend add"),
    Step("help post", "post"),
    Step("help privacy recovery", "privacy recovery"),
    Step("language zh", "从现在起我用中文和你说话"),
    Step("看看", THEIRS, keep="early"),
    Step("语言 en", "From now on I speak English"),
    Step("language klingon", "I don't speak"),
    Step("timezone Asia/Shanghai", "Your time zone is Asia/Shanghai"),
    Step("timezone Atlantis", "I don't know the time zone"),
    Step("friends", "{friend}"),
    Step("friend add {me}", "That is you"),
    Step("friend add {friend}", "friends already"),
    Step("friend add", "Something is missing"),
    Step("friend accept 7", "no open request 7"),
    Step("profile set name Robin", "your name is changed"),
    Step("profile set bio Walks in the rain", "your bio is changed"),
    Step("profile", "Walks in the rain"),
    Step("profile {friend}", "{friend}"),
    Step("profile set bio", "your bio is empty now"),
    Step("feed", THEIRS, name="copy", keep="theirs"),
    Step("like {theirs}", "You like #{theirs}."),
    Step("unlike {theirs}", "You no longer like #{theirs}."),
    Step("comment {theirs} How lovely", "Your comment is on #{theirs}."),
    Step("Where is that?", "Your comment is on #{theirs}.", "reply", at="copy", name="comment"),
    Step("And when?", "Your comment is on #{theirs}.", "thread", at="copy"),
    Step("Where was that?", "Your comment is changed.", "edit", at="comment"),
    Step("moment {theirs}", "Where was that?"),
    Step("post Hello from the **lake**", "Posted as #", name="post", keep="mine"),
    Step("post Hello from the sea", "#{mine} is changed.", "edit", at="post"),
    Step("post to private | A note for me", "Saved as #", keep="note"),
    Step("post to {friend} | Only for you", "Posted as #"),
    Step("post to everybody | Not like this", "Nothing was changed."),
    Step("post Look at this", "Posted as #", "picture", keep="picture"),
    Step("album", "A note for me"),
    Step("album {friend}", THEIRS),
    Step("moment {mine}", "Hello from the sea"),
    Step("delete {note}", "Deleted."),
    Step("", "Deleted.", "redact", at="post"),
    Step("frends", "Did you mean", name="typo"),
    Step("friends", "{friend}", "edit", at="typo"),
    Step("privacy recovery", "Recovery is off."),
    Step("friend remove {friend}", "is no longer among your friends"),
)
assert len(FIFTY) == 50


async def befriended(friend: Friendly, person: Friendly) -> Message:
    """The friend asks to be one; the question that the person gets."""
    mark = person.client.mark()
    await friend.ask(f"friend add {person.user_id}")
    return await told(person, mark, friend.user_id, "would like to be your friend")


class Hour:
    """A person on their way through the list."""

    def __init__(self, person: Friendly, friend: Friendly, request: Message, directory: Path) -> None:
        self.person = person
        self.words: dict[str, str | int] = {"me": person.user_id, "friend": friend.user_id}
        self.sent: dict[str, str] = {}
        self.shown: dict[str, str] = {"request": request.event_id}
        self._photo = directory / "photo.jpg"
        Image.new("RGB", (64, 48), (30, 120, 60)).save(self._photo, "JPEG")

    async def do(self, step: Step) -> Message:
        """One step; its answer."""
        client, room = self.person.client, self.person.room
        text, wanted = step.text.format(**self.words), step.answer.format(**self.words)
        mark = client.mark()
        sent = await self._send(step, text)
        answers_it = step.how in ("say", "reply", "thread", "picture")

        def is_answer(message: Message) -> bool:
            if message.decryption_failure is not None or message.redacted or wanted not in message.body:
                return False
            return message.reply_to == sent if answers_it else True

        answer = await client.wait_message(room, is_answer, WAIT, since=mark)
        if step.how == "thread":
            assert answer.thread_root is not None
        if step.name:
            self.sent[step.name], self.shown[step.name] = sent, answer.event_id
        if step.keep:
            self.words[step.keep] = number(answer)
        return answer

    async def _send(self, step: Step, text: str) -> str:
        client, room = self.person.client, self.person.room
        match step.how:
            case "say":
                return await client.send(room, text)
            case "reply":
                return await client.send(room, text, reply_to=self.shown[step.at])
            case "thread":
                root = self.shown[step.at] if step.at == "copy" else self.sent[step.at]
                return await client.send(room, text, thread_root=root)
            case "edit":
                return await client.edit(room, self.sent[step.at], text)
            case "react":
                return await client.react(room, self.shown[step.at], text)
            case "redact":
                return await client.redact(room, self.sent[step.at])
            case "picture":
                if isinstance(client, JsClient):
                    return await client.send_image(room, self._photo, "image/jpeg", caption=text)
                return await client.send_image(room, self._photo.read_bytes(), "image/jpeg", text)
        raise AssertionError(step.how)

    def unreadable(self) -> list[Message]:
        """What the person's client could not decrypt, or warns of."""
        return [m for m in shown(self.person) if m.decryption_failure is not None or m.shield is not None]
