"""Archives as tests look at them."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from tests.features.village import Village

_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def export(village: Village, name: str) -> dict[str, bytes]:
    """What somebody's export holds, all parts unpacked into one folder; their manifests are checked, and the last one
    is there."""
    return unpacked(parts(village, name))


def parts(village: Village, name: str) -> list[bytes]:
    """The parts of an export that somebody asks for now."""
    room = village.rooms[name]
    before = len(room.events)
    village.say(name, "export")
    village.work()
    sent = [event.content for event in room.events[before:] if event.content["msgtype"] == "m.file"]
    assert sent, [event.body for event in room.events[before:]]
    return [village.files.kept[content["file"]["url"]] for content in sent]


def unpacked(zips: list[bytes]) -> dict[str, bytes]:
    """The files of all parts."""
    files: dict[str, bytes] = {}
    for number, data in enumerate(zips, 1):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = {one: archive.read(one) for one in archive.namelist()}
        manifest = json.loads(inside["manifest.json"])
        assert (manifest["part"], manifest["last"]) == (number, number == len(zips))
        assert not files.keys() & (inside.keys() - {"manifest.json"}), "each file is in one part"
        files |= inside
        listed = {one["name"] for one in manifest["files"] if one["part"] == number}
        assert listed == inside.keys() - {"manifest.json"}
    for one in json.loads(files["manifest.json"])["files"]:
        data = files[one["name"]]
        assert (one["size"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    return files


def alike(files: Mapping[str, bytes], *, times: bool = True) -> dict[str, str]:
    """Text files with names of moments by their order, without the hashes of what they are in; without `times`, also
    these."""
    names: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in sorted(files, key=lambda name: _NAME.sub("", name)):
        text = files[name].decode("latin1")
        if name == "manifest.json":
            value = json.loads(text)
            listed = [(one["name"], one["part"]) for one in value.pop("files")]
            text = json.dumps(value | {"files": listed})
        if not times:
            text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text)
        for one in (name, text):
            for match in _NAME.findall(one):
                names.setdefault(match, f"name {len(names)}")
        found[_NAME.sub(lambda match: names[match[0]], name)] = _NAME.sub(lambda match: names[match[0]], text)
    return found


def moments(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The moments of an archive, the newest first."""
    pages = sorted(name for name in files if name.startswith("moments/") and name.endswith(".json"))
    return [item["object"] for name in pages for item in json.loads(files[name])["orderedItems"]]


_OTHERS = (
    ("comments/", "likes/", "lists/comments-", "lists/likes-", "lists/program-"),  # elsewhere, or by programs
    ("programs.html", "lists/requests.csv", "lists/invites.csv", "lists/log.csv", "log.html"),
    ("contacts.html", "index.html", "manifest.json"),  # the same again, with when it was made
)


def taken_back(files: Mapping[str, bytes], me: str = "alice") -> dict[str, str]:
    """What an import brings back of an archive, as `docs/archive.md` says it: what is others', and what tells when it
    was made, is left out."""
    found = {}
    for name, text in alike(files, times=False).items():
        if any(name.startswith(some) for some in _OTHERS) or (name.startswith("moments/") and name.endswith(".html")):
            continue
        value: Any = json.loads(text) if name.endswith(".json") else None
        if name.startswith("moments/"):
            for item in value["orderedItems"]:
                _leave_own(item["object"], me)
        if name == "moments.json":
            value["votes"] = []
            for draft in value["drafts"]:
                draft.pop("due", None)
        found[name] = text if value is None else json.dumps(value, ensure_ascii=False, indent=1)
    return found


def _leave_own(note: dict[str, Any], me: str) -> None:
    for answer in note.get("oneOf", ()):
        answer["replies"] = int(answer.get("chosen", False))
    likes = note.pop("likes", {"items": []})["items"]
    note["likes"] = [one for one in likes if one.startswith(f"matrix:u/{me}:")]
    said = note.pop("replies", {"items": []})["items"]
    note["replies"] = [one["content"] for one in said if one["attributedTo"].startswith(f"matrix:u/{me}:")]
