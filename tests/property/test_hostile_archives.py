"""P11: what somebody sends as an archive may be anything. One clear line, and nothing changed."""

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.rights.archive import imports
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.opening import Opened, Unusable
from tests.archives import parts
from tests.features.test_erasure import changes
from tests.features.village import Village

_PASSING = {"archive_jobs", "prompts", "access_log", "ledger"}
LINES = (
    "no export of Courtyard",
    "is damaged",
    "larger than I take",
    "newer Courtyard",
    "somebody else",
)


@pytest.fixture(scope="module")
def archive() -> Iterator[bytes]:
    """An archive of Alice's that is all right."""
    village = Village()
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    village.say("alice", "profile set name Alice")
    village.say("alice", "post One")
    village.picture("alice", "post Two")
    [data] = parts(village, "alice")
    yield data
    village.close()


@pytest.fixture(scope="module")
def home() -> Iterator[Village]:
    village = Village(archives=ArchiveSettings(per_day=10**9))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    yield village
    village.close()


def refused(village: Village, data: bytes) -> str:
    """The one line that somebody gets who sends this; nothing has changed."""
    before = [one for one in changes(village) if one[0] not in _PASSING]
    said = village.send_file("alice", data, "import")
    assert len(said) == 1
    assert any(line in said[0] for line in LINES), said
    assert "Nothing was changed" in said[0]
    assert [one for one in changes(village) if one[0] not in _PASSING] == before
    assert village.one("alice", "ping") == "pong"
    return said[0]


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes], *, listing: bool = True, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files; with `listing`, the manifest is made to fit them."""
    if listing:
        manifest = json.loads(files["manifest.json"])
        manifest["files"] = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "part": 1}
            for name, data in files.items()
            if name != "manifest.json"
        ]
        files = {**files, "manifest.json": json.dumps(manifest).encode()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def test_what_is_packed_anew_as_it_was_is_taken(archive: bytes, home: Village) -> None:
    """What the other tests change is all that is wrong with what they send."""
    assert "Shall I take it back" in home.send_file("alice", packed(files_of(archive)), "import")[-1]
    home.say("alice", "2")
    assert "Nothing was changed" in home.bodies("alice")[-1]


# --- what is no archive -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"\xff\xd8\xff a picture",
        b"%PDF-1.7",
        b"PK\x05\x06" + bytes(18),
        b"PK\x03\x04" + bytes(100),
        packed({"a.txt": b"hello"}, listing=False),
        packed({"manifest.json": b"[]"}, listing=False),
        packed({"manifest.json": b'{"format": "something else"}'}, listing=False),
        packed({"manifest.json": b'{"format": "courtyard archive 2"}'}, listing=False),
        packed({"manifest.json": b'{"format": "courtyard archive 1"}'}, listing=False),
    ],
    ids=lambda data: hashlib.sha256(data).hexdigest()[:8],
)
@pytest.mark.hostile
def test_foreign_files(home: Village, data: bytes) -> None:
    refused(home, data)


@pytest.mark.hostile
@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.booleans())
def test_any_bytes(data: bytes, looks_like_one: bool) -> None:
    with pytest.raises(Unusable):
        Opened((b"PK\x03\x04" if looks_like_one else b"") + data, ArchiveSettings())


@pytest.mark.hostile
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_is_noticed(archive: bytes, data: st.DataObject) -> None:
    """Bytes changed, cut off, put in or repeated: it is refused, or holds exactly what it held."""
    changed = bytearray(archive)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "drop", "copy"])):
            case "flip":
                changed[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del changed[at:]
            case "insert":
                changed[at:at] = data.draw(st.binary(min_size=1, max_size=30))
            case "drop":
                del changed[at : at + data.draw(st.integers(1, 30))]
            case _:
                changed[at:at] = changed[at : at + 200]
        if not changed:
            return
    try:
        opened = Opened(bytes(changed), ArchiveSettings())
    except Unusable:
        return
    try:
        held = {name: opened.read(name) for name in opened.names}
    finally:
        opened.close()
    whole = files_of(archive)
    assert held == {name: whole[name] for name in whole if name != "manifest.json"}


# --- what is wrong in it ------------------------------------------------------------------------------------------
def changed_page(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, bytes]], None]:
    def work(files: dict[str, bytes]) -> None:
        page = json.loads(files["moments/0001.json"])
        change(page["orderedItems"][0]["object"])
        files["moments/0001.json"] = json.dumps(page).encode()

    return work


def deep(files: dict[str, bytes]) -> None:
    files["contacts.json"] = b"[" * 100_000 + b"]" * 100_000


def set_file(name: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: data})


_WRONG: dict[str, Callable[[dict[str, bytes]], object]] = {
    "no page": lambda files: files.pop("contacts.json"),
    "no actor": lambda files: files.pop("actor.json"),
    "deep": deep,
    "deep in a page": changed_page(lambda note: note.update(audience_rule={"kind": [[[[]]]]})),
    "large number": set_file("settings.json", b'{"format": ' + b"9" * 10_000 + b"}"),
    "not JSON": set_file("settings.json", b"{"),
    "not UTF-8": set_file("settings.json", b'"\xff\xfe"'),
    "half a character": changed_page(lambda note: note["source"].update(content="\ud800")),
    "another type": changed_page(lambda note: note.update(type="Article")),
    "a path for a picture": changed_page(
        lambda note: note.update(attachment=[{"type": "Image", "url": "../../etc/passwd", "mediaType": "image/png"}])
    ),
    "an address for a picture": changed_page(
        lambda note: note.update(attachment=[{"type": "Image", "url": "https://x.org/a", "mediaType": "image/png"}])
    ),
    "a wrong name": changed_page(lambda note: note.update(id="urn:uuid:1' OR '1'='1")),
    "a wrong time": changed_page(lambda note: note.update(published="2025-13-40T99:99:99.999Z")),
    "a wrong person": changed_page(lambda note: note["audience_rule"].update(people=["bob"])),
    "a number for a text": changed_page(lambda note: note["source"].update(content=1)),
    "more than there should be": changed_page(lambda note: note.update(admin=True)),
    "another context": lambda files: files.update({"actor.json": files["actor.json"].replace(b"urn:x-", b"urn:y-")}),
    "a file that leads out": set_file("../evil.json", b"{}"),
    "an absolute file": set_file("/etc/passwd", b"x"),
    "a back slash": set_file("..\\evil", b"x"),
    "a folder": set_file("media/", b""),
    "a name with a zero": set_file("media/a\0b.jpg", b"x"),
    "a hidden name": set_file(".ssh/keys", b"x"),
    "a long name": set_file("media/" + "a" * 300, b"x"),
}


@pytest.mark.hostile
@pytest.mark.parametrize("what", _WRONG)
def test_wrong_contents(archive: bytes, home: Village, what: str) -> None:
    files = files_of(archive)
    _WRONG[what](files)
    refused(home, packed(files))


@pytest.mark.hostile
@pytest.mark.parametrize("what", ["hash", "size", "lacks", "more", "twice", "part"])
def test_manifests_that_lie(archive: bytes, home: Village, what: str) -> None:
    files = files_of(archive)
    manifest = json.loads(files["manifest.json"])
    first = manifest["files"][0]
    match what:
        case "hash":
            first["sha256"] = "0" * 64
        case "size":
            first["size"] += 1
        case "lacks":
            del manifest["files"][0]
        case "more":
            manifest["files"].append({**first, "name": "media/more.jpg"})
        case "twice":
            manifest["files"].append(first)
        case "part":
            first["part"] = 2
    files["manifest.json"] = json.dumps(manifest).encode()
    refused(home, packed(files, listing=False))


@pytest.mark.hostile
def test_links_twins_and_ciphers(archive: bytes, home: Village) -> None:
    files = files_of(archive)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            if name.startswith("media/"):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(info, data)
    assert "damaged" in refused(home, out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name), data)
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr(zipfile.ZipInfo("contacts.json"), b"{}")
    assert "damaged" in refused(home, out.getvalue())
    ciphered = bytearray(packed(files))
    at = ciphered.find(b"PK\x01\x02")
    while at >= 0:
        ciphered[at + 8] |= 1
        at = ciphered.find(b"PK\x01\x02", at + 4)
    assert "damaged" in refused(home, bytes(ciphered))
    assert "damaged" in refused(home, packed(files, method=zipfile.ZIP_LZMA))


@pytest.mark.hostile
def test_a_bomb_is_refused_before_it_goes_off(archive: bytes, home: Village) -> None:
    files = files_of(archive)
    limits = ArchiveSettings()
    bombs = [
        # Much in one file, much in many files, and more than it says that it is.
        packed({**files, "media/a.jpg": bytes(limits.bytes // 8)}),
        packed({**files, "contacts.json": b" " * 64 * 1024 * 1024 + b"{}"}),
        packed({**files, **{f"media/{n}.jpg": b"" for n in range(limits.entries + 1)}}),
    ]
    small = ArchiveSettings(bytes=1 << 20)
    with pytest.raises(Unusable, match="large"):
        Opened(bombs[0], small)
    with pytest.raises(Unusable, match="large"):
        Opened(
            packed({**files, "moments/0009.json": b" " * (2 << 20)}),
            ArchiveSettings(part_bytes=1 << 16, picture_bytes=1 << 16),
        )
    assert "larger than I take" in refused(home, bombs[1])
    assert "larger than I take" in refused(home, bombs[2])
    lying = bytearray(packed(files))
    at = lying.find(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<I", 1)
    assert "damaged" in refused(home, bytes(lying))
    huge = bytearray(packed(files))
    huge[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    assert "larger than I take" in refused(home, bytes(huge))


def page_of(archive: bytes, count: int, first: int = 0, **more: Any) -> bytes:
    """A page with so many moments, each of another name."""
    page = json.loads(files_of(archive)["moments/0001.json"])
    create = page["orderedItems"][0]
    page["orderedItems"] = [
        {**create, "object": {**create["object"], "id": f"urn:uuid:{n:08x}-0000-8000-8000-000000000000", **more}}
        for n in range(first, first + count)
    ]
    return json.dumps(page).encode()


@pytest.mark.hostile
def test_what_would_fill_the_memory_is_refused(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little that becomes much: in JSON, in the number of moments, and in what has to be known of each."""
    village = Village(archives=ArchiveSettings(per_day=10**9, moments=500))
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    files = files_of(archive)
    many = {"kind": "people", "people": [f"@bob{n}:x.org" for n in range(2000)], "named_tags": []}
    monkeypatch.setattr(imports, "_MAX_LOOKED", 1_000_000)
    kept = json.loads(files["moments.json"])
    kept["kept_comments"] = [{"at": "2025-01-01T00:00:00.000Z", "text": "x" * 9000}] * 2000
    for bomb in (
        {"contacts.json": b'{"friends": [' + b"[]," * 600_000 + b"[]]}"},
        {"contacts.json": b'{"friends": [' + b'"ab",' * 3_100_000 + b'""]}'},
        {"moments.json": json.dumps(kept).encode()},
        {f"moments/{n:04d}.json": page_of(archive, 100, n * 100) for n in range(1, 7)},
        {f"moments/{n:04d}.json": page_of(archive, 5, n * 100, audience_rule=many) for n in range(1, 9)},
    ):
        assert "larger than I take" in refused(village, packed({**files, **bomb}))
    village.close()


@pytest.mark.hostile
def test_zips_in_zips_and_over_each_other(archive: bytes, home: Village) -> None:
    files = files_of(archive)
    inside = packed(files)
    assert "damaged" in refused(home, packed({**files, "media/more.zip": inside}, listing=False))
    # Nothing is written to a disk, where these would be one file; and nothing in them is opened.
    twins = {**files, "media/Twin.jpg": inside, "media/twin.jpg": b"2"}
    assert "Shall I take it back" in home.send_file("alice", packed(twins), "import")[-1]
    home.say("alice", "2")
    # Several entries of the directory lead to one and the same content.
    whole = packed(files)
    start, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    entries: list[bytearray] = []
    at = start
    while at < end:
        entries.append(bytearray(whole[at : at + 46 + sum(struct.unpack("<HHH", whole[at + 28 : at + 34]))]))
        at += len(entries[-1])
    entries[1][42:46] = entries[0][42:46]
    assert "damaged" in refused(home, whole[:start] + b"".join(entries) + whole[end:])
    # A name in front of the content that is not the one in the directory.
    assert "damaged" in refused(home, whole[:30] + b"X" + whole[31:])
    # In front of it something else, which a program may be; and sizes of the 64-bit kind.
    assert "no export" in refused(home, b"#!/bin/sh\n" + whole)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made, made.open(zipfile.ZipInfo("manifest.json"), "w", force_zip64=True) as file:
        file.write(b"{}")
    refused(home, out.getvalue())


@pytest.mark.hostile
def test_a_million_entries_are_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is long, and an end that says that it is short."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"a"
    directory = entry * 1_000_000
    start = b"PK\x03\x04" + bytes(26)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    for count in (1, 1000, 0xFFFF):
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(start), 0)
        with pytest.raises(Unusable):
            Opened(start + directory + end, ArchiveSettings())


@pytest.mark.hostile
def test_a_hostile_picture_costs_itself_alone(archive: bytes) -> None:
    village = Village()
    village.open("alice", "bob")
    village.befriend("alice", "bob")
    files = files_of(archive)
    [name] = [name for name in files if name.startswith("media/")]
    files[name] = b"\xff\xd8\xff" + b"<script>" * 100
    village.send_file("alice", packed(files), "import")
    village.say("alice", "1", to=village.rooms["alice"].events[-1].event_id)
    village.work()
    assert "One picture could not be used" in village.bodies("alice")[-1]
    assert village.files.cleaned == []
    village.close()
