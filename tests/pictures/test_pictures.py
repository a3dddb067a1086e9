"""What is left of a picture that tells too much, and what a hostile one can do: nothing, and nothing.

What is passed on is looked at by a search for the planted bytes, by a reader of containers, and by ExifReader, which is
written by others in another language.
"""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import pytest
from PIL import Image

from bridge.errors import UserError
from bridge.moments.pictures import Pictures, Processed
from tests.e2e.clients.node import NODE, ensure_modules
from tests.pictures import bombs
from tests.pictures.bombs import Hostile
from tests.pictures.containers import pieces
from tests.pictures.places import Planted, encoded, holds, photo, planted

MAX_BYTES, MAX_PIXELS, SECONDS = 5_000_000, 4_000_000, 8.0
PLANTED = planted()
PIXELS = {
    "image/jpeg": {"JFIF", "DB", "C0", "C4", "DA"},
    "image/png": {"IHDR", "IDAT", "IEND"},
    "image/webp": {"VP8", "VP8L", "VP8X", "ALPH"},
    "image/gif": {"image", "NETSCAPE", "F9"},
}
"""All that a file of each type may consist of: what its pixels need, and whether it moves."""
FACTS = {"file", "jfif", "png", "pngFile", "riff", "gif"}
"""Groups of ExifReader that hold no more than size and kind of the pixels."""
REFUSALS = {"picture-broken", "picture-pixels", "picture-type", "picture-large", "picture-slow", "picture-failed"}

Report: TypeAlias = Mapping[str, list[str]]
"""What ExifReader found: names of tags by group."""


@pytest.fixture(scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, SECONDS)
    yield pictures
    await pictures.close()


@pytest.fixture(scope="module")
async def hasty() -> AsyncIterator[Pictures]:
    """For what uses up all the time that it gets."""
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 3.0)
    yield pictures
    await pictures.close()


def read_by_others(files: Mapping[str, bytes], directory: Path) -> dict[str, Report]:
    paths = {name: directory / f"{number}.bin" for number, name in enumerate(files)}
    for name, data in files.items():
        paths[name].write_bytes(data)
    done = subprocess.run(
        [str(NODE), "metadata.mjs"],
        cwd=ensure_modules(),
        input="\n".join(map(str, paths.values())),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, Report] = json.loads(done.stdout)
    return {name: found[str(path)] for name, path in paths.items()}


def assert_only_pixels(result: Processed, data: bytes, mimetype: str) -> None:
    assert not holds(data)
    assert set(pieces(data)) <= PIXELS[mimetype]
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert image.get_format_mimetype() == mimetype
        assert not image.getexif()


def assert_clean(result: Processed) -> None:
    assert_only_pixels(result, result.data, result.mimetype)
    assert_only_pixels(result, result.thumbnail.data, result.thumbnail.mimetype)


# --- what is planted -----------------------------------------------------------------------------------------
@pytest.mark.hostile
@pytest.mark.parametrize("one", PLANTED, ids=lambda one: f"{one.kind}: {one.place}")
async def test_nothing_planted_is_passed_on(pictures: Pictures, one: Planted) -> None:
    assert holds(one.data), "it was there"
    result = await pictures.process(one.data)
    assert_clean(result)
    # What can be seen stays: the gradient is dark above and bright below, but where letters were the pixels.
    with Image.open(BytesIO(result.data)) as image:
        assert image.size[0] in (64, 8)


async def test_others_find_nothing_either(pictures: Pictures, tmp_path: Path) -> None:
    """ExifReader reads what it knows in the originals, and nothing but the size in what is passed on."""
    before = read_by_others({f"{one.kind}: {one.place}": one.data for one in PLANTED}, tmp_path)
    told = {name for name, report in before.items() if set(report) - FACTS}
    assert {"JPEG: exif big-endian", "JPEG: iptc", "JPEG: xmp in parts", "JPEG: icc", "PNG: exif", "PNG: text"} <= told
    assert {"WEBP: exif", "WEBP: xmp", "WEBP: icc", "WEBP: moving"} <= told
    for place in ("JPEG: exif little-endian", "PNG: exif", "WEBP: exif"):
        assert "GPSLatitude" in before[place]["exif"]
    assert "Thumbnail" in before["JPEG: exif little-endian"]
    after: dict[str, bytes] = {}
    for one in PLANTED:
        result = await pictures.process(one.data)
        after[f"{one.kind}: {one.place}"] = result.data
        after[f"{one.kind}: {one.place}, small"] = result.thumbnail.data
    plain = {kind: encoded(photo("P" if kind == "GIF" else "RGB"), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")}
    allowed = read_by_others({**plain, "alpha": encoded(photo("RGBA"), "WEBP")}, tmp_path)
    known = {tag for report in allowed.values() for tags in report.values() for tag in tags}
    for name, report in read_by_others(after, tmp_path).items():
        assert set(report) <= FACTS, (name, report)
        assert {tag for tags in report.values() for tag in tags} <= known, (name, report)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_what_lies_under_full_transparency_goes(pictures: Pictures, kind: str) -> None:
    """Somebody who rubs a face out with transparency has hidden it, and not removed it."""
    data = bombs.hidden_under_nothing(kind)
    result = await pictures.process(data)
    for clean in (result.data, result.thumbnail.data):
        with Image.open(BytesIO(clean)) as image:
            seen = image.convert("RGBA")
        colours = {seen.getpixel((x, y)) for x in range(12, 64) for y in range(12, 48)}
        assert {colour[3] for colour in colours if isinstance(colour, tuple)} == {0}
        assert len(colours) == 1, "nothing is left of it"
    with Image.open(BytesIO(data)) as image, Image.open(BytesIO(result.data)) as left:
        corner = [[one.convert("RGBA").getpixel((x, 3)) for x in range(8)] for one in (image, left)]
    assert all(isinstance(colour, tuple) and colour[3] == 255 for colour in corner[1])
    if kind == "PNG":  # WebP loses some of it
        assert corner[0] == corner[1]


# --- what is hostile -----------------------------------------------------------------------------------------
async def tried(pictures: Pictures, hostile: Hostile) -> str:
    """What becomes of it: `clean`, or the refusal. Whatever it is, the next picture is none the worse."""
    start = time.monotonic()
    try:
        result = await pictures.process(hostile.data)
    except UserError as error:
        became = error.message_id
        assert became in REFUSALS
    else:
        assert_clean(result)
        became = "clean"
    assert time.monotonic() - start < SECONDS + 10
    assert (await pictures.process(encoded(photo(), "PNG"))).width == 64
    return became


@pytest.mark.hostile
@pytest.mark.parametrize("name", bombs.BOMBS)
async def test_a_bomb_does_no_harm(pictures: Pictures, hasty: Pictures, name: str) -> None:
    became = await tried(hasty if "ever more" in name else pictures, Hostile(name, bombs.BOMBS[name]()))
    if "pixels" in name or "of one" in name:
        assert became == "picture-pixels"


@pytest.mark.hostile
@pytest.mark.parametrize("hostile", list(bombs.polyglots()), ids=lambda hostile: hostile.name)
async def test_what_is_no_picture_is_none(pictures: Pictures, hostile: Hostile) -> None:
    became = await tried(pictures, hostile)
    assert became in ("picture-type", "picture-broken")


@pytest.mark.hostile
async def test_what_is_cut_off_or_damaged_is_refused_or_clean(pictures: Pictures) -> None:
    became = [await tried(pictures, hostile) for hostile in (*bombs.truncated(), *bombs.damaged())]
    assert "picture-slow" not in became
    assert became.count("clean") > 20, "damage in what is thrown away costs nobody their picture"
    assert became.count("picture-broken") > 20
