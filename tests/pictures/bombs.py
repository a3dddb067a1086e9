"""Files that want time or memory, lie about themselves, are cut off or damaged. Made from fixed seeds."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from tests.pictures.places import (
    chunk,
    encoded,
    extension,
    icc,
    photo,
    planted,
    riff,
    segment,
    tiff,
    webp,
    with_chunks,
    with_extension,
    with_segments,
    xmp,
)

SEED = 20261126


@dataclass(frozen=True, slots=True)
class Hostile:
    name: str
    data: bytes


def png(width: int, height: int, body: bytes, *, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _zeros(count: int) -> bytes:
    """So many zeros, deflated without having them in memory."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*parts, packer.flush()])


def _gif(width: int, height: int, *images: bytes) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"".join(images) + b";"
    )


def _frame(width: int, height: int) -> bytes:
    return b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"


BOMBS: dict[str, Callable[[], bytes]] = {
    "png of 900 megapixels": lambda: png(30_000, 30_000, _zeros(112 << 20), depth=1, colour=0),
    "png of one row": lambda: png(2**31 - 1, 1, _zeros(1 << 20)),
    "png, interlaced, of one column": lambda: png(1, 2**31 - 1, _zeros(1 << 20), interlaced=1),
    "png, deep": lambda: png(1999, 1999, _zeros(32 << 20), depth=16, colour=6),
    "png with a text of 256 MiB": lambda: with_chunks(chunk(b"zTXt", b"Comment\0\0" + _zeros(256 << 20))),
    "png with a profile of 256 MiB": lambda: with_chunks(chunk(b"iCCP", b"x\0\0" + _zeros(256 << 20))),
    "png with 100,000 chunks": lambda: with_chunks(chunk(b"tEXt", b"A\0B") * 100_000),
    "png whose text is longer than the file": lambda: with_chunks(struct.pack(">I", 2**31 - 1) + b"tEXtA\0B"),
    "png of 20,000 frames": lambda: _frames(20_000),
    "gif of 4 gigapixels": lambda: _gif(65_535, 65_535, _frame(65_535, 65_535)),
    "gif whose frame is larger than it": lambda: _gif(8, 8, _frame(65_535, 65_535)),
    "gif of 50,000 frames": lambda: _gif(1999, 1999, *[_frame(1, 1)] * 50_000),
    "gif of 100 large frames": lambda: _gif(1999, 1999, *[_frame(1999, 1999)] * 100),
    "gif with a comment of 4 MB": lambda: with_extension(extension(0xFE, bytes(4_000_000))),
    "jpeg of 4 gigapixels": lambda: _sized(65_500, 65_500),
    "jpeg of no height": lambda: _sized(64, 0),
    "jpeg of 20,000 comments": lambda: with_segments(segment(0xFE, b"x" * 60) * 20_000),
    "jpeg of ever more scans": lambda: _scans(),
    "jpeg with a huge profile": lambda: with_segments(*(segment(0xE2, _part(n)) for n in range(60))),
    "webp of 268 megapixels": lambda: webp()[:24] + b"\xff\x3f\0\xff\x3f\0" + webp()[30:],
    "webp with 100,000 chunks": lambda: webp(riff(b"ABCD", b"") * 100_000),
    "webp whose chunk is longer than the file": lambda: webp(b"EXIF" + struct.pack("<I", 2**32 - 1)),
    "exif that goes in circles": lambda: _exif(struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)),
    "exif with entries of 4 GB": lambda: _exif(
        struct.pack("<H", 65_535) + struct.pack("<HHII", 0x010E, 2, 2**32 - 1, 8) * 5_000
    ),
    "xmp that multiplies": lambda: with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _laughs())),
    "profile with 4,000,000,000 tags": lambda: encoded(photo(), "PNG", icc_profile=_with_tags(2**32 - 1)),
}
"""Much out of little."""


def _exif(directory: bytes) -> bytes:
    return with_segments(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + directory))


def _laughs() -> bytes:
    entities = b'<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "' % (97 + n) + b"&%c;" % (96 + n) * 10 + b'">' for n in range(1, 10)
    )
    return b"<!DOCTYPE x [" + entities + b"]><x>&j;</x>" + xmp()


def _with_tags(count: int) -> bytes:
    profile = bytearray(icc())
    profile[128:132] = struct.pack(">I", count)
    return bytes(profile)


def _frames(count: int) -> bytes:
    size = struct.pack(">IIII", 64, 48, 0, 0)
    frames = [struct.pack(">I", number) + size + struct.pack(">HHBB", 1, 20, 0, 0) for number in range(count)]
    return with_chunks(chunk(b"acTL", struct.pack(">II", count, 0)), *(chunk(b"fcTL", frame) for frame in frames))


def _sized(width: int, height: int) -> bytes:
    data = bytearray(encoded(photo(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _part(number: int) -> bytes:
    return b"ICC_PROFILE\0" + bytes((number + 1, 60)) + bytes(60_000)


def _scans() -> bytes:
    """A progressive JPEG whose last scan comes again and again: each is a pass over all of it."""
    data = encoded(photo(size=(1600, 1200)), "JPEG", quality=50, progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (2_000_000 // len(last)) + data[-2:]


def polyglots() -> Iterator[Hostile]:
    """Files that begin like one thing and are another."""
    jpeg, gif = encoded(photo(), "JPEG"), encoded(photo("P"), "GIF")
    yield Hostile("page that begins like a gif", b"GIF89a<html><script>alert(1)</script></html>")
    yield Hostile("gif inside of a jpeg", jpeg[:2] + gif + jpeg[2:])
    yield Hostile("jpeg behind the head of a png", b"\x89PNG\r\n\x1a\n" + jpeg)
    yield Hostile("video that calls itself webp", b"RIFF\xff\xff\0\0AVI LIST")
    yield Hostile("archive", b"PK\x03\x04" + jpeg)
    yield Hostile("document with a picture", b"%PDF-1.4\n" + jpeg)
    yield Hostile("drawing", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>")
    yield Hostile("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    yield Hostile("TIFF", encoded(photo(), "TIFF"))
    yield Hostile("icon", b"\0\0\x01\0\x01\0" + encoded(photo(size=(16, 16)), "PNG"))
    yield Hostile("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    yield Hostile("raw EXIF", tiff())


def truncated() -> Iterator[Hostile]:
    """Each format, cut off at places of all kinds."""
    chance = random.Random(SEED)
    for kind, mode in (("JPEG", "RGB"), ("PNG", "RGB"), ("WEBP", "RGB"), ("GIF", "P")):
        data = encoded(photo(mode, (200, 150)), kind)
        for at in sorted({1, 3, 8, 12, 20, 30, len(data) - 1, *(chance.randrange(len(data)) for _ in range(8))}):
            yield Hostile(f"{kind} cut at {at} of {len(data)}", data[:at])


def damaged() -> Iterator[Hostile]:
    """Files with everything planted in them, with bytes that fell over, parts that went missing and came twice."""
    chance = random.Random(SEED)
    originals = planted()
    for number in range(160):
        one = originals[chance.randrange(len(originals))]
        data = bytearray(one.data)
        for _ in range(chance.randint(1, 20)):
            at = chance.randrange(4, len(data))
            what = chance.randrange(4)
            if what < 2:
                data[at] = chance.randrange(256)
            elif what == 2:
                del data[at : at + chance.randint(1, 40)]
            else:
                data[at:at] = data[at : at + chance.randint(1, 200)]
            if len(data) < 8:
                break
        yield Hostile(f"{one.kind} {one.place}, damaged, {number}", bytes(data))


def hidden_under_nothing(kind: str) -> bytes:
    """A picture of noise of which only a corner shows: the rest is there, and fully transparent."""
    chance = random.Random(SEED)
    noise = Image.frombytes("RGB", (64, 48), chance.randbytes(64 * 48 * 3)).convert("RGBA")
    mask = Image.new("L", noise.size, 0)
    mask.paste(255, (0, 0, 8, 8))
    noise.putalpha(mask)
    out = io.BytesIO()
    noise.save(out, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    return out.getvalue()
