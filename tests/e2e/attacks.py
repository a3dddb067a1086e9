"""What the hostile tests send: to-device contents, room events and texts that no honest client makes."""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image

from bridge.matrix.machine import MEGOLM, OLM

Content = dict[str, Any]

NESTED = 100
"""Levels of JSON. Homeservers pass on some more in events, and many more in to-device messages."""

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**53 - 1,
    "",
    "x",
    "ü\u202e\u0000",
    "=" * 50,
    "A" * 43,
    [],
    [[]],
    {},
    {"": {}},
    ["m.text"] * 50,
)


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def mutated(content: Content, rng: random.Random) -> Content:
    """A copy in which one to three parts are gone, of another type, or somewhere else."""
    result = copy.deepcopy(content)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(result))
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(rng.choice(ODD))  # it may be mutated in its turn
            case 2 if isinstance(holder[key], str) and holder[key]:
                text = holder[key]
                at = rng.randrange(len(text))
                holder[key] = text[:at] + rng.choice("A=/+-_ü\u0000 ") + text[at + 1 :]
            case 3 if isinstance(holder[key], str):
                holder[key] = holder[key][: rng.randrange(len(holder[key]) + 1)]
            case _:
                holder[key] = [holder[key]]
    return result


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def olm(recipient_key: str, sender_key: Any, kind: Any, body: Any) -> Content:
    """The content of an Olm-encrypted to-device event."""
    return {
        "algorithm": OLM,
        "sender_key": sender_key,
        "ciphertext": {recipient_key: {"type": kind, "body": body}},
    }


def olm_garbage(recipient_key: str, sender_key: str, real: Content) -> list[Content]:
    """Every way in which an Olm event can be wrong, around a `real` one."""
    body = real["ciphertext"][recipient_key]["body"]
    bodies: tuple[Any, ...] = (
        "",
        "garbage",
        "A",
        "AAAA",
        "äöü",
        "!!!!",
        "A" * 64,
        "A" * 60_000,
        body[:-8],
        body[:40],
        body[::-1],
        7,
        [],
    )
    keys: tuple[Any, ...] = (sender_key, recipient_key, "x", "", "A" * 43, "ü" * 43, 7, None, [])
    found = [olm(recipient_key, sender_key, kind, body) for kind in (0, 1) for body in bodies]
    found += [olm(recipient_key, key, kind, body) for key in keys for kind in (0, 1)]
    kinds: tuple[Any, ...] = (2, -1, "0", None, True, [])
    found += [olm(recipient_key, sender_key, kind, body) for kind in kinds]
    found += [
        {},
        {"algorithm": OLM},
        {"algorithm": 1, "sender_key": 2, "ciphertext": 3},
        {"algorithm": OLM, "sender_key": sender_key, "ciphertext": []},
        {"algorithm": OLM, "sender_key": sender_key, "ciphertext": {}},
        {"algorithm": OLM, "sender_key": sender_key, "ciphertext": {recipient_key: None}},
        {"algorithm": "m.olm.v2", "sender_key": sender_key, "ciphertext": real["ciphertext"]},
        {"algorithm": MEGOLM, "sender_key": sender_key, "session_id": "x", "ciphertext": "x", "room_id": "!x:y"},
        {**real, "padding": "x" * 58_000},
        {**real, "deep": nested(NESTED)},
    ]
    return found


def plain_to_device(room_id: str) -> list[tuple[str, Content]]:
    """Events that came without encryption: keys, requests, verification out of order, unknown types."""
    key = {"algorithm": MEGOLM, "room_id": room_id, "session_id": "A" * 43, "session_key": "A" * 300}
    request = {"action": "request", "requesting_device_id": "X", "request_id": "1", "body": key}
    flow = {"transaction_id": "t", "from_device": "X", "method": "m.sas.v1", "methods": ["m.sas.v1"]}
    sas = {"key_agreement_protocols": ["curve25519-hkdf-sha256"], "hashes": ["sha256"]} | {
        "message_authentication_codes": ["hkdf-hmac-sha256.v2"],
        "short_authentication_string": ["emoji"],
    }
    return [
        ("m.room_key", key),
        ("m.forwarded_room_key", {**key, "sender_key": "x", "forwarding_curve25519_key_chain": []}),
        ("m.room_key_request", request),
        ("m.room_key_request", {**request, "action": "request_cancellation"}),
        ("m.room_key.withheld", {**key, "code": "m.unverified", "reason": "\u202e" * 500}),
        ("m.dummy", {}),
        ("m.secret.request", {"name": "m.cross_signing.master", "action": "request", "request_id": "1"}),
        ("m.secret.send", {"request_id": "1", "secret": "x"}),
        ("m.key.verification.done", {"transaction_id": "t"}),
        ("m.key.verification.mac", {"transaction_id": "t", "keys": "x", "mac": {"ed25519:X": "x"}}),
        ("m.key.verification.key", {"transaction_id": "t", "key": "A" * 43}),
        ("m.key.verification.accept", {**flow, "commitment": "x", "hash": "sha256"}),
        ("m.key.verification.start", {**flow, **sas}),
        ("m.key.verification.start", {**flow, **sas, "hashes": 7}),
        ("m.key.verification.key", {"transaction_id": "t", "key": "not a key"}),
        ("m.key.verification.request", {**flow, "timestamp": -1}),
        ("m.key.verification.ready", flow),
        ("m.key.verification.cancel", {"transaction_id": ["t"], "code": {}, "reason": 7}),
        ("org.example.unknown", {"deep": nested(NESTED)}),
        ("m.room.message", {"msgtype": "m.text", "body": "ping"}),
        ("m.room.encrypted", {}),
    ]


def olm_payloads(frame: Content, room_id: str, session_id: str, session_key: str) -> list[str]:
    """Plaintexts for a working Olm session; `frame` holds sender, recipient and keys as they should be."""
    key = {"algorithm": MEGOLM, "room_id": room_id, "session_id": session_id, "session_key": session_key}
    good = {**frame, "type": "m.room_key", "content": key}
    forwarded = {
        **key,
        "sender_key": "A" * 43,
        "sender_claimed_ed25519_key": "A" * 43,
        "forwarding_curve25519_key_chain": ["x"],
    }
    wrong: list[Any] = [
        {**good, "content": {**key, "session_id": "A" * 43}},
        {**good, "content": {**key, "session_key": "A" * 300}},
        {**good, "content": {**key, "session_key": session_key[:-4]}},
        {**good, "content": {**key, "room_id": "no room"}},
        {**good, "content": {**key, "room_id": "!" + "x" * 5_000}},
        {**good, "content": {**key, "algorithm": "m.megolm.v9"}},
        {**good, "content": {**key, "padding": "x" * 40_000}},
        {**good, "keys": {}},
        {**good, "keys": {"ed25519": 7}},
        {**good, "keys": {"ed25519": "not a key"}},
        {**good, "sender": "@alice:example.org"},
        {**good, "recipient": "@alice:example.org"},
        {**good, "recipient_keys": {"ed25519": "A" * 43}},
        {**good, "type": "m.forwarded_room_key", "content": forwarded},
        {**good, "type": "m.forwarded_room_key", "content": key},
        {**good, "type": "m.secret.send", "content": {"request_id": "1", "secret": "x"}},
        {**good, "type": "m.dummy", "content": []},
        {**good, "type": "m.room.message", "content": {"msgtype": "m.text", "body": "ping"}},
        {**good, "type": ["m.room_key"]},
        [],
        "text",
        None,
    ]
    raw = ["", "{", "\x00", "[" * 20_000, '{"type":"\\ud800"}', '{"a":' + "9" * 5_000 + "}", "NaN"]
    return [json.dumps(value) for value in wrong] + raw


# --- what is said in a room ---------------------------------------------------------------------------------------

RIGHT_TO_LEFT = "\u202e"
INVISIBLE = "\u200b\u200c\u200d\u2060\u2063\ufeff\u00ad\u034f\u061c\u180e\u3164\u2800\U000e0041"


def texts() -> list[str]:
    """Bodies that are long, deep, empty or odd. Each fits into an event."""
    return [
        "",
        " ",
        "\x00",
        "\n" * 5_000,
        "ping\x00",
        "\u202eping",
        "p\u0456ng",  # a Cyrillic i
        INVISIBLE,
        f"pi{INVISIBLE}ng",
        "x" * 45_000,
        "post " + "x" * 45_000,
        "好" * 7_000,
        "post " + "好" * 7_000,
        "\U0001f469\u200d\U0001f4bb" * 1_400,
        "a\u0301" + "\u0301" * 7_000,
        ">" * 10_000,
        "post " + ">" * 4_900,
        "post to private | " + ">" * 4_900,
        "post to private | " + "\n".join("  " * n + "- x" for n in range(90)),
        "post to private | " + "1. " * 1_600,
        "post to private | " + "[" * 4_900,
        "post to private | " + "[](" * 1_600,
        "post to private | " + "*_" * 2_400,
        "post to private | " + "`" * 4_900,
        "post to private | " + "<b>" * 1_600,
        "post to private | " + "| " * 2_400,
        "> <@a:b> " * 1_000,
        "\n".join("> " * n + "x" for n in range(200)),
        "<b><i><script>alert(1)</script>" * 500,
        "friend add " + "@alice:example.org " * 2_000,
        "post to " + "@alice:example.org " * 700 + "| x",
        "post to " + ", " * 7_000,
        "post to friends, friends, private | x",
        "help " + "x " * 7_000,
        "friend add " + "@" * 10_000,
        "friend add @" + "a" * 300 + ":example.org",
        "friend add @a:" + "b" * 5_000,
        "friend add https://matrix.to/#/%ff%fe%00",
        "friend add [x](" * 1_000,
        "friend add @alice\u202e:example.org",
        "friend add @al\u0131ce:example.org",
        'friend add "' + "\\" * 10_000,
        "“" * 5_000,
        '"' * 5_001,
        "like 99999999999999999999",
        "like -1",
        "like ٣",
        "like 1e9",
        "moment " + "9" * 10_000,
        "comment 1",
        "delete 0",
        "1" * 4_000,
        "²",
        "٣",
        "profile set bio " + "\u0301" * 7_000,
        "profile set name " + "x" * 3_000,
        "profile set \u202e x",
        "language \u202e\x00",
        "timezone ../../../etc/passwd",
        "timezone " + "x" * 9_000,
        "!" * 9_000,
        "!" + " " * 9_000,
        "\ue0000\ue001 ping",
        "help { $name } %s {0} \ue0000\ue001",
    ]


def raw_payloads(room_id: str) -> list[str]:
    """Plaintexts of room events as JSON that a careful encoder would not write."""
    room = json.dumps(room_id)
    texts = [
        '"\\ud800"',
        '"ping \\udfff"',
        '"post \\ud83d"',
        '"post to private | \\u0000\\ud800x"',
        '"friend add \\ud800"',
        "1e400",
        "-0.0",
        "9" * 4_000,
        "null",
        "[" * 300 + "]" * 300,
    ]
    message = '{"type":"m.room.message","room_id":%s,"content":{"msgtype":"m.text","body":%s}}'
    found = [message % (room, text) for text in texts]
    found += [
        "",
        "{",
        "[]",
        "[" * 30_000,
        '{"a":' * 5_000,
        '{"type":"m.room.message","room_id":' + room + ',"content":[]}',
        '{"type":7,"room_id":' + room + ',"content":{}}',
        '{"type":"m.room.message","content":{"msgtype":"m.text","body":"post without a room"}}',
        message % ('"!elsewhere:example.org"', '"post for another room"'),
        '{"type":"m.room.member","content":{"membership":"join"},"state_key":"@alice:x.org","room_id":' + room + "}",
        '{"type":"m.room.encryption","content":{"algorithm":"none"},"state_key":"","room_id":' + room + "}",
        '{"type":"m.room.encrypted","content":{"algorithm":"m.megolm.v1.aes-sha2"},"room_id":' + room + "}",
        '{"type":"m.room.redaction","content":{"redacts":["$x"]},"room_id":' + room + "}",
        message.replace('"content"', '"content":{"msgtype":"m.text","body":"first"},"content"') % (room, '"twice"'),
    ]
    return found


def file_info() -> Content:
    """EncryptedFile v2 of a picture that is nowhere."""
    return {
        "v": "v2",
        "url": "mxc://localhost/nowhere",
        "key": {"kty": "oct", "alg": "A256CTR", "k": "A" * 43, "ext": True, "key_ops": ["encrypt", "decrypt"]},
        "iv": "AAAAAAAAAAAAAAAAAAAAAA",
        "hashes": {"sha256": "A" * 43},
    }


def room_contents(own: str, foreign: str) -> list[tuple[str, Content]]:
    """Type and content of malformed events of every handled type. `own` and `foreign` are event ids in the room."""
    text: Content = {"msgtype": "m.text", "body": "ping"}
    picture: Content = {"msgtype": "m.image", "body": "post x", "filename": "y.png", "file": file_info()}
    found: list[tuple[str, Content]] = []

    def message(content: Content) -> None:
        found.append(("m.room.message", content))

    odds: tuple[Any, ...] = ({}, [], 7, None, True, "", "m.unknown")
    for odd in odds:
        message({"msgtype": odd, "body": "x"})
        message({"msgtype": "m.text", "body": odd})
        message({**text, "formatted_body": odd, "format": odd})
        message({**text, "m.relates_to": odd})
        message({**text, "m.mentions": odd})
        message({**picture, "file": odd})
        message({**picture, "info": odd})
    message({})
    message({"body": "ping"})
    message({"msgtype": "m.text"})
    message(
        {
            **text,
            "formatted_body": "<b><i></b><img src=x onerror=1><mx-reply>" * 100,
            "format": "org.matrix.custom.html",
        }
    )
    message({**text, "m.mentions": {"user_ids": [7, None, {}]}})
    unknown = "$" + "A" * 43
    targets: tuple[Any, ...] = (own, foreign, unknown, "$", "", 7, {}, ["$x"], "$" + "x" * 1_000)
    for target in targets:
        message({**text, "m.relates_to": {"m.in_reply_to": {"event_id": target}}})
        message({**text, "m.relates_to": {"rel_type": "m.thread", "event_id": target}})
        message({**text, "m.relates_to": {"rel_type": "m.thread", "event_id": unknown, "m.in_reply_to": target}})
        edit = {"rel_type": "m.replace", "event_id": target}
        message({**text, "m.new_content": {"msgtype": "m.text", "body": "post edited"}, "m.relates_to": edit})
        message({**text, "m.new_content": target, "m.relates_to": edit})
        relation = {"rel_type": "m.annotation", "event_id": target, "key": "👍"}
        found.append(("m.reaction", {"m.relates_to": relation}))
        found.append(("m.room.redaction", {"redacts": target}))
    reaction = {"rel_type": "m.annotation", "event_id": foreign}
    odd_keys: tuple[Any, ...] = ("", "1", "x" * 10_000, "\u202e", 7, None, "٣", "1\ufe0f\u20e3" * 99)
    found += [("m.reaction", {"m.relates_to": reaction | {"key": key}}) for key in odd_keys]
    found.append(("m.reaction", {}))
    found.append(("m.reaction", {"m.relates_to": nested(NESTED)}))
    changes: tuple[Content, ...] = (
        {"url": "mxc://"},
        {"url": "mxc://../.."},
        {"url": "mxc://localhost/../../../_synapse/admin/v1/server_version"},
        {"url": "mxc://localhost/x?y#z"},
        {"url": "mxc://no.such.server.invalid/x"},
        {"url": "https://example.org/x"},
        {"url": 7},
        {"v": "v1"},
        {"key": {}},
        {"key": {"alg": "A256CTR", "k": "!"}},
        {"key": {"alg": "A256CTR", "k": "ü" * 43}},
        {"iv": "short"},
        {"iv": "ü"},
        {"hashes": {}},
        {"hashes": {"sha256": "="}},
    )
    for change in changes:
        message({**picture, "file": {**file_info(), **change}})
    message({**picture, "info": {"size": -1, "w": -1, "h": 10**15, "mimetype": "x" * 5_000}})
    message({**picture, "info": {"size": 2**52, "thumbnail_file": nested(50)}})
    for kind in ("m.video", "m.audio", "m.file", "m.location", "m.emote", "m.notice", "m.server_notice"):
        message({"msgtype": kind, "body": "\u202e" + "x" * 2_000})
    others = ("m.sticker", "m.poll.start", "m.call.invite", "org.example.unknown", "m.room.encryption", "")
    found += [(kind, {"body": "x", "algorithm": "none", "deep": nested(NESTED)}) for kind in others]
    return found


# --- pictures -----------------------------------------------------------------------------------------------------


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG file that declares any size, with any bytes as its compressed pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif(frames: int, size: int) -> bytes:
    """A GIF that moves for long."""
    images = [Image.frombytes("L", (size, size), bytes([n % 251]) * size * size) for n in range(frames)]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=20, loop=0)
    return out.getvalue()


def pictures(max_bytes: int) -> list[tuple[str, bytes, str]]:
    """Name, file, and what the answer to it says. The bot takes `max_bytes` and a million pixels."""
    zeros = zlib.compress(bytes(50_000_000), 9)
    found = [
        ("bomb.png", png(60_000, 60_000, zeros[:90_000]), "too many pixels"),
        ("overflow.png", png(2**31 - 1, 2**31 - 1, zeros[:100]), "too many pixels|damaged"),
        ("lying.png", png(900, 1_000, zeros[:90_000]), "#\\d|damaged"),
        ("cut.png", png(900, 1_000, zlib.compress(bytes(901_000))[:-20]), "damaged"),
        ("frames.gif", gif(400, 100), "#\\d|damaged"),
        ("text.png", b"<svg onload=alert(1)>" * 100, "none of them"),
        ("empty.png", b"", "none of them|damaged"),
    ]
    assert all(len(data) <= max_bytes for _, data, _ in found)
    return found
