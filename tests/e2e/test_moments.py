"""Moments: posting, reading, liking, commenting, deleting. Carol is on the other server and no friend of Bob's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.clients.js import JsClient
from tests.e2e.clients.message import Message
from tests.e2e.clients.olm_client import OlmClient
from tests.e2e.flow import Three, answers, gone, nothing_new, number, settled, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly, befriend

DELETED = (
    "Deleted. I am taking back every copy that I can reach; in a chat that I was thrown out of, a copy stays."
    " `undo` brings it back within 30 seconds."
)

pytestmark = pytest.mark.e2e


async def post(author: Friendly, command: str) -> tuple[str, int]:
    """Post; the event id of the author's message and the author's number of the moment."""
    event_id = await author.client.send(author.room, command)
    answer = (await author.client.replies(author.room, event_id))[0].body
    assert answer.startswith(("Posted as #", "Saved as #")), answer
    return event_id, number(answer)


async def find(reader: Friendly, text: str, command: str = "feed") -> Message:
    """The copy of the moment with this text, from the reader's feed."""
    found = [m for m in await answers(reader, command) if text in m.body]
    assert len(found) == 1, found
    return found[0]


async def test_everybody_sees_exactly_what_is_meant_for_them(three: Three) -> None:
    alice, bob, carol = three.alice, three.bob, three.carol
    friends, named, private, both = (canary() for _ in range(4))
    _, first = await post(alice, f"post {friends} from the **lake**")
    answer = await alice.ask(f"post to {bob.user_id} | {named}")
    assert answer == f"Posted as #{first + 1}, for {bob.user_id}: one person."
    assert await alice.ask(f"post to private | {private}") == f"Saved as #{first + 2}, for you alone."
    answer = await alice.ask(f"post to {bob.user_id}, {carol.user_id}\n{both}\nand more")
    assert answer == f"Posted as #{first + 3}, for {bob.user_id}, {carol.user_id}: 2 people."

    def texts(messages: list[Message]) -> list[str]:
        return [t for m in messages for t in (friends, named, private, both) if t in m.body]

    bobs, carols, own = await answers(bob, "feed"), await answers(carol, "feed"), await answers(alice, "feed")
    assert texts(bobs)[:3] == [both, named, friends]
    assert texts(carols)[:2] == [both, friends]
    assert texts(own)[:4] == [both, private, named, friends]
    assert not {private, named} & set(texts(carols))
    assert private not in texts(bobs)
    # What the others read of Alice's own notes about who sees it: nothing.
    assert not [m for m in (*bobs, *carols) if "For " in m.body]
    assert [m.body.splitlines()[1] for m in own[:4]] == [
        f"For {bob.user_id}, {carol.user_id}",
        "For you alone",
        f"For {bob.user_id}",
        "For your friends",
    ]
    # Numbers are the reader's own and have no gap where something is hidden.
    for messages in (bobs, carols):
        assert [number(m) for m in messages] == list(range(number(messages[0]), number(messages[0]) + len(messages)))
    # New is what was not shown before; it is shown again all the same.
    assert all(" · new" in m.body for m in carols[:2])
    again = await answers(carol, "feed")
    assert [number(m) for m in again] == [number(m) for m in carols]
    assert not [m for m in again if " · new" in m.body]
    # Formatting is shown as such; the plain text says the same.
    shown_to_carol = carols[1]
    assert f"{friends} from the **lake**" in shown_to_carol.body
    assert "<strong>lake</strong>" in (shown_to_carol.formatted_body or "")
    assert not any(m.shield for m in carols)


async def test_an_audience_that_is_not_understood_publishes_nothing(three: Three) -> None:
    alice, bob = three.alice, three.bob
    _, before = await post(alice, "post to private | a mark")
    stranger = three.carol.user_id
    for command in (
        "post to public private | {}",
        "post to #family | {}",
        "post to friends except @bob | {}",
        "post to nobody | {}",
        "post to friends {}",
        "post to @bob {}",
        "post to | {}",
        "post private | {}",
        f"post to {alice.client.user_id}, bob | {{}}",
    ):
        text = canary()
        answer = await alice.ask(command.format(text))
        assert answer.endswith(("Nothing was posted.", "Nothing was changed.")), (command, answer)
    # Somebody who is no friend can't be named, on whatever server.
    assert (await bob.ask(f"post to {alice.user_id} {stranger} | {canary()}")).endswith("Nothing was changed.")
    _, after = await post(alice, "post to private | another mark")
    assert after == before + 1


async def test_pages(three: Three) -> None:
    alice, carol = three.alice, three.carol
    texts = [canary() for _ in range(7)]
    for text in texts:
        await post(alice, f"post {text}")
    newest_first = texts[::-1]
    for command in ("feed", f"album {alice.user_id}"):
        first = await answers(carol, command)
        assert [t for m in first for t in texts if t in m.body] == newest_first[:5]
        assert [("feed more" in m.body) for m in first] == [False] * 4 + [True]
        second = await answers(carol, "feed more")
        assert [t for m in second for t in texts if t in m.body] == newest_first[5:]
        numbers = [number(m) for m in (*first, *second)][:7]
        assert numbers == list(range(numbers[0], numbers[0] + 7))
    for _ in range(20):
        page = await answers(carol, "feed more")
        if page[0].body.startswith("That was all."):
            break
    else:
        pytest.fail("the pages never end")
    whole = await carol.ask(f"moment {number(second[0])}")
    assert newest_first[5] in whole
    assert (await carol.ask("moment 999")).startswith("There is no moment 999.")


async def test_likes(three: Three) -> None:
    alice, bob, carol = three.alice, three.bob, three.carol
    text = canary()
    _, own = await post(alice, f"post {text}")
    for_bob, for_carol = await find(bob, text), await find(carol, text)
    mark = alice.client.mark()
    assert await carol.ask(f"like {number(for_carol)}") == f"You like #{number(for_carol)}."
    reaction = await bob.client.react(bob.room, for_bob.event_id, "❤️")
    notice = await told(alice, mark, f"your moment #{own}", bob.user_id)
    liked = f"moment {own}"
    assert f"♥ {carol.user_id}, {bob.user_id}" in await alice.ask(liked)
    if carol.user_id not in notice.body:  # hers was told before his came
        await told(alice, mark, f"your moment #{own}", carol.user_id)

    # Bob and Carol are no friends: neither learns of the other's like.
    assert "♥ you" in await bob.ask(f"moment {number(for_bob)}")
    assert carol.user_id not in await bob.ask(f"moment {number(for_bob)}")
    mark = alice.client.mark()
    await bob.client.redact(bob.room, reaction)
    await settled(bob)
    assert f"♥ {carol.user_id}\n" in await alice.ask(liked) + "\n"
    assert await carol.ask(f"unlike {number(for_carol)}") == f"You no longer like #{number(for_carol)}."
    assert "♥" not in await alice.ask(liked)
    # What says nothing about liking is no like.
    await bob.client.react(bob.room, for_bob.event_id, "🤔")
    await settled(bob)
    assert "♥" not in await alice.ask(liked)


async def test_comments(three: Three) -> None:
    alice, bob, carol = three.alice, three.bob, three.carol
    text = canary()
    _, own = await post(alice, f"post {text}")
    for_bob, for_carol = await find(bob, text), await find(carol, text)

    words = [canary() for _ in range(4)]
    mark = alice.client.mark()
    assert await bob.ask(f"comment {number(for_bob)} {words[0]}") == f"Your comment is on #{number(for_bob)}."
    notice = await told(alice, mark, bob.user_id, f"your moment #{own}", words[0])

    # A reply to the copy, and a message in its thread; the answers stand where they belong.
    event_id = await carol.client.send(carol.room, words[1], reply_to=for_carol.event_id)
    answer = (await carol.client.replies(carol.room, event_id))[0]
    assert answer.body == f"Your comment is on #{number(for_carol)}."
    assert answer.thread_root is None
    event_id = await carol.client.send(carol.room, words[2], thread_root=for_carol.event_id)
    answer = (await carol.client.replies(carol.room, event_id))[0]
    assert answer.body == f"Your comment is on #{number(for_carol)}."
    assert answer.thread_root == for_carol.event_id
    await told(alice, mark, carol.user_id, words[2])

    # Alice answers Bob by a reply to what she was told.
    bobs_mark = bob.client.mark()
    await alice.client.ask(alice.room, words[3], reply_to=notice.event_id)
    await told(bob, bobs_mark, "answered your comment", words[3])

    def lines(whole: str) -> list[str]:
        return [word for word in words if word in whole]

    await settled(alice)
    assert lines(await alice.ask(f"moment {own}")) == words
    for word in words[:3]:
        assert len([m for m in shown(alice) if f"\n{word}\n" in m.body and "commented" in m.body]) == 1, "told once"
    # Bob and Carol are no friends: neither sees what the other said, nor that somebody was answered.
    assert lines(await bob.ask(f"moment {number(for_bob)}")) == [words[0], words[3]]
    carols = await carol.ask(f"moment {number(for_carol)}")
    assert lines(carols) == [words[1], words[2], words[3]]
    assert bob.user_id not in carols
    await befriend(bob, carol)
    assert lines(await carol.ask(f"moment {number(for_carol)}")) == words
    await bob.ask(f"friend remove {carol.user_id}")
    assert lines(await carol.ask(f"moment {number(for_carol)}")) == words[1:]


async def test_a_comment_is_changed_and_deleted_with_its_message(three: Three) -> None:
    alice, carol = three.alice, three.carol
    text, before, after = canary(), canary(), canary()
    await post(alice, f"post {text}")
    copy = await find(carol, text)
    mark = alice.client.mark()
    event_id = await carol.client.send(carol.room, before, reply_to=copy.event_id)
    await carol.client.replies(carol.room, event_id)
    notice = await told(alice, mark, before)
    await carol.client.edit(carol.room, event_id, after)
    await carol.client.wait_message(carol.room, lambda m: m.body == "Your comment is changed.")
    assert after in (await find(alice, text)).body
    await carol.client.redact(carol.room, event_id)
    await gone(alice, notice.event_id)
    left = (await find(alice, text)).body
    assert before not in left
    assert after not in left


@pytest.mark.parametrize("by_command", [True, False], ids=["command", "redaction"])
async def test_deleting_takes_every_copy_back(three: Three, by_command: bool) -> None:
    alice, bob, carol = three.alice, three.bob, three.carol
    text, comment = canary(), canary()
    event_id, own = await post(alice, f"post {text}")
    for_bob, for_carol = await find(bob, text), await find(carol, text)
    whole = await carol.client.ask(carol.room, f"moment {number(for_carol)}")
    own_copy = await find(alice, text, "album")
    mark = alice.client.mark()
    await bob.ask(f"comment {number(for_bob)} {comment}")
    notice = await told(alice, mark, comment)
    if by_command:
        assert await alice.ask(f"delete {own}") == DELETED
    else:
        await alice.client.redact(alice.room, event_id)
        await told(alice, mark, "Deleted. I am taking back every copy")
    await gone(bob, for_bob.event_id)
    await gone(carol, for_carol.event_id, whole.event_id)
    await gone(alice, own_copy.event_id, notice.event_id)
    for person in (alice, bob, carol):
        left = [m for m in shown(person) if text in m.body or comment in m.body]
        assert not left, left
    assert (await carol.ask(f"moment {number(for_carol)}")).startswith("There is no moment")


async def test_others_cannot_delete(three: Three) -> None:
    alice, carol = three.alice, three.carol
    text = canary()
    await post(alice, f"post {text}")
    copy = await find(carol, text)
    n = number(copy)
    assert (await carol.ask(f"delete {n}")) == (await carol.ask("delete 999")).replace("999", str(n))
    assert text in await carol.ask(f"moment {n}")


async def test_editing_the_message_edits_the_text(three: Three) -> None:
    alice, carol = three.alice, three.carol
    before, after = canary(), canary()
    event_id, own = await post(alice, f"post to {carol.user_id} | {before}")
    copy = await find(carol, before)
    await alice.client.edit(alice.room, event_id, f"post to {carol.user_id} | {after}")
    await alice.client.wait_message(alice.room, lambda m: m.body == f"#{own} is changed.")
    changed = await carol.ask(f"moment {number(copy)}")
    assert after in changed
    assert before not in changed
    assert "Edited" in changed
    # An edit never changes who may see it.
    mark = alice.client.mark()
    await alice.client.edit(alice.room, event_id, f"post {canary()}")
    await told(alice, mark, "An edit can't change who sees it")
    assert after in await carol.ask(f"moment {number(copy)}")
    await nothing_new(three.bob, three.bob.client.mark())


async def test_a_picture(three: Three, tmp_path: Path) -> None:
    alice, bob, carol = three.alice, three.bob, three.carol
    assert isinstance(alice.client, JsClient)
    assert isinstance(carol.client, JsClient)
    assert isinstance(bob.client, OlmClient)
    place, text = canary(), canary()
    exif = Image.Exif()
    exif[0x010E] = place
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    original = Image.new("RGB", (320, 200), (200, 30, 30))
    original.paste((30, 30, 200), (160, 0, 320, 200))
    photo = tmp_path / "IMG_20260101_alice_at_home.jpg"
    original.save(photo, "JPEG", exif=exif, comment=place.encode(), quality=95)
    assert place.encode() in photo.read_bytes()

    event_id = await alice.client.send_image(alice.room, photo, "image/jpeg", caption=f"post {text}")
    answer = (await alice.client.replies(alice.room, event_id, timeout=60))[0].body
    assert answer.startswith("Posted as #"), answer

    for_bob, for_carol = await find(bob, text), await find(carol, text)
    seen = tmp_path / "carol"
    facts = await carol.client.download_image(carol.room, for_carol.event_id, seen)
    assert facts["encrypted"] is True
    small = tmp_path / "carol-small"
    await carol.client.download_image(carol.room, for_carol.event_id, small, thumbnail=True)
    files = [seen.read_bytes(), small.read_bytes(), await bob.client.download_image(for_bob)]
    for data in files:
        assert place.encode() not in data
        with Image.open(io.BytesIO(data)) as image:
            assert not image.getexif()
            assert image.info.get("comment") is None
            left, right = (image.convert("RGB").getpixel((image.width * n // 4, image.height // 2)) for n in (1, 3))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[0] > 150 > 80 > left[2]
        assert right[2] > 150 > 80 > right[0]
    assert files[0] == files[2]
    for message in (for_bob, for_carol):
        assert message.content["msgtype"] == "m.image"
        assert "alice" not in message.content["filename"]
        info = message.content["info"]
        assert (info["w"], info["h"], info["mimetype"]) == (320, 200, "image/jpeg")
    # Without a caption it is a question, not a post.
    event_id = await alice.client.send_image(alice.room, photo, "image/jpeg")
    assert "caption" in (await alice.client.replies(alice.room, event_id))[0].body
    # Deleting takes the picture back as well.
    assert await alice.ask(f"delete {number(answer)}") == DELETED
    await gone(carol, for_carol.event_id)
    await gone(bob, for_bob.event_id)


async def test_several_pictures_gathered(three: Three, tmp_path: Path) -> None:
    """M1, M8, M9, M15: a draft of a text and three pictures, as two other clients show it, on two servers."""
    alice, bob, carol = three.alice, three.bob, three.carol
    assert isinstance(alice.client, JsClient)
    assert isinstance(carol.client, JsClient)
    text, words = canary(), canary()
    assert "draft is open" in await alice.ask("post")
    first_part = await alice.client.send(alice.room, text)
    assert "one text" in (await alice.client.replies(alice.room, first_part))[0].body
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    for index, colour in enumerate(colours):
        photo = tmp_path / f"{index}.png"
        Image.new("RGB", (40 + index, 30), colour).save(photo)
        event_id = await alice.client.send_image(alice.room, photo, "image/png")
        [joined] = await alice.client.replies(alice.room, event_id, timeout=60)
        assert f"What does picture {index + 1} show?" in joined.body
    # A reply to the question describes the picture.
    event_id = await alice.client.send(alice.room, words, reply_to=joined.event_id)
    assert "3 pictures" in (await alice.client.replies(alice.room, event_id))[0].body
    posted = await alice.ask("1")
    assert posted.startswith("Posted as #"), posted

    for reader in (bob, carol):
        first = await find(reader, text)
        assert first.content["msgtype"] == "m.image"
        assert "Picture 1 of 3" in first.body
        copies = await answers(reader, f"moment {number(first)}")
        assert [copy.content["msgtype"] for copy in copies] == ["m.image"] * 3
        assert [copy.content["info"]["w"] for copy in copies] == [40, 41, 42]
        assert [copy.body for copy in copies[1:]] == ["2/3", f"3/3 · {words}"]
        if reader is carol:
            seen = tmp_path / "third"
            await carol.client.download_image(carol.room, copies[2].event_id, seen)
            with Image.open(seen) as image:
                assert image.convert("RGB").getpixel((5, 5)) == colours[2]
        else:
            answered = await bob.client.send(bob.room, canary(), reply_to=copies[1].event_id)
            assert (await bob.client.replies(bob.room, answered))[0].body.startswith("Your comment is on")
            mine = [copy.event_id for copy in copies]
    # Each picture can be put into words later, too.
    later = canary()
    assert (await alice.ask(f"alt #{number(posted)} 2 {later}")).startswith("Thank you.")
    for reader in (bob, carol):
        copies = await answers(reader, f"moment {number(await find(reader, text))}")
        assert [copy.body for copy in copies[1:]] == [f"2/3 · {later}", f"3/3 · {words}"]
        # What a picture shows is found, and the message that brought the text edits it.
        assert [m.event_id for m in await answers(reader, f"search {later}") if text in m.body]
    edited = canary()
    mark = alice.client.mark()
    await alice.client.edit(alice.room, first_part, edited)
    await told(alice, mark, f"#{number(posted)} is changed.")
    for reader in (bob, carol):
        assert "Picture 1 of 3" in (await find(reader, edited)).body
    assert await alice.ask(f"delete {number(posted)}") == DELETED
    await gone(bob, *mine)


async def test_a_warning_hides_what_follows(three: Three) -> None:
    """M12: nothing in the plain text, a spoiler in the HTML, all of it once it is opened."""
    alice = three.alice
    warning, text = canary(), canary()
    await post(alice, f"post cw {warning} | {text}")
    for reader in (three.bob, three.carol):
        closed = await find(reader, warning)
        assert text not in closed.body
        assert f'<span data-mx-spoiler="{warning}">{text}</span>' in closed.content["formatted_body"]
        assert text in await reader.ask(f"open {number(closed)}")
