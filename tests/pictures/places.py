"""Pictures that tell where, when and by whom they were taken, in every place that their format has for it.

Everything is made from fixed values. `python -m tests.pictures.places DIRECTORY` writes the files, to look at them.
"""

import contextlib
import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image, ImageCms

TRACE = b"planted-4be1c7"
"""Stands in every text that is planted."""
GPS = ((523_197_001, 1_000_003), (134_036_007, 1_000_033))
"""Latitude and longitude as fractions that stand nowhere else."""
_WIDE = TRACE.decode().encode("utf-16-le")


@dataclass(frozen=True, slots=True)
class Planted:
    """A picture with something to lose."""

    place: str
    kind: str
    """JPEG, PNG, WEBP or GIF."""
    data: bytes


def needles() -> list[bytes]:
    """What must not be in what is passed on."""
    fractions = [struct.pack(f"{order}II", *pair) for order in "<>" for pair in GPS]
    return [TRACE, _WIDE, TRACE.decode().encode("utf-16-be"), TRACE.hex().encode(), *fractions]


def holds(data: bytes) -> bool:
    """Whether anything planted is in `data`, also inside of what is deflated in it."""
    if any(needle in data for needle in needles()):
        return True
    return any(needle in inflated for inflated in _inflated(data) for needle in needles())


def _inflated(data: bytes) -> Iterator[bytes]:
    start = data.find(b"\x78")
    while start >= 0:
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(data[start:], 1 << 20)
        start = data.find(b"\x78", start + 1)


# --- pixels --------------------------------------------------------------------------------------------------
def photo(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A gradient, without anything to hide."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# --- EXIF (TIFF) ---------------------------------------------------------------------------------------------
_Value: TypeAlias = bytes | Callable[[int], bytes]
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
"""Bytes of a value of each type."""


def tiff(order: str = "<", thumbnail: bytes = b"") -> bytes:
    """EXIF with texts, a maker's note, GPS and a thumbnail; `order`: `<` little-endian, `>` big-endian."""
    text = TRACE + b"\0"
    gps = _directory(
        order,
        [
            (0, 1, bytes((2, 3, 0, 0))),
            (1, 2, b"N\0"),
            (2, 5, _degrees(order, GPS[0])),
            (3, 2, b"E\0"),
            (4, 5, _degrees(order, GPS[1])),
            (27, 7, b"ASCII\0\0\0" + TRACE),
            (28, 7, b"ASCII\0\0\0" + TRACE),
            (29, 2, b"2026:01:02\0"),
        ],
    )
    details = _directory(
        order,
        [
            (0x9003, 2, b"2026:01:02 03:04:05\0"),
            (0x927C, 7, b"MAKER" + TRACE + struct.pack(f"{order}II", *GPS[0])),
            (0x9286, 7, b"ASCII\0\0\0" + TRACE),
            (0xA420, 2, text),
            (0xA430, 2, text),
            (0xA431, 2, text),
        ],
    )
    main: list[tuple[int, int, _Value]] = [
        (0x010E, 2, text),
        (0x010F, 2, text),
        (0x0110, 2, text),
        (0x0131, 2, text),
        (0x013B, 2, text),
        (0x8298, 2, text),
        (0x02BC, 1, xmp()),
        (0x83BB, 7, iptc()),
        (0x9C9B, 1, _WIDE + b"\0\0"),
        (0x8769, 4, details),
        (0x8825, 4, gps),
    ]
    return _tiff(order, main, thumbnail)


def _degrees(order: str, fraction: tuple[int, int]) -> bytes:
    return struct.pack(f"{order}6I", *fraction, 0, 1, 0, 1)


def _directory(
    order: str, entries: Sequence[tuple[int, int, _Value]], following: Callable[[int], int] = lambda end: 0
) -> Callable[[int], bytes]:
    """An IFD with its values, as bytes once it is known where it begins."""

    def made(start: int) -> bytes:
        head = 2 + 12 * len(entries) + 4
        rows, values = b"", b""
        for tag, kind, value in sorted(entries, key=lambda entry: entry[0]):
            at = start + head + len(values)
            if callable(value):
                rows += struct.pack(f"{order}HHII", tag, 4, 1, at)
                values += value(at)
            elif len(value) <= 4:
                rows += struct.pack(f"{order}HHI", tag, kind, len(value) // _SIZES[kind]) + value.ljust(4, b"\0")
            else:
                rows += struct.pack(f"{order}HHII", tag, kind, len(value) // _SIZES[kind], at)
                values += value
            values += b"\0" * (len(values) % 2)
        end = start + head + len(values)
        return struct.pack(f"{order}H", len(entries)) + rows + struct.pack(f"{order}I", following(end)) + values

    return made


def _tiff(order: str, main: Sequence[tuple[int, int, _Value]], thumbnail: bytes) -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    if not thumbnail:
        return head + _directory(order, main)(8)
    first = _directory(order, main, lambda end: end)(8)
    second = 8 + len(first)

    def small(start: int) -> bytes:
        at = start + 2 + 12 * 3 + 4
        where, length = struct.pack(f"{order}I", at), struct.pack(f"{order}I", len(thumbnail))
        entries: list[tuple[int, int, _Value]] = [
            (0x0103, 3, struct.pack(f"{order}H", 6)),
            (0x0201, 4, where),
            (0x0202, 4, length),
        ]
        return _directory(order, entries)(start) + thumbnail

    return head + first + small(second)


# --- XMP, IPTC, ICC ------------------------------------------------------------------------------------------
def xmp() -> bytes:
    text = TRACE.decode()
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" exif:GPSLatitude="52,31.5N" photoshop:City="{text}">'
        f"<dc:creator><rdf:Seq><rdf:li>{text}</rdf:li></rdf:Seq></dc:creator>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc() -> bytes:
    """IPTC-IIM: city, headline, by-line, caption."""
    return b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(TRACE)) + TRACE for number in (5, 25, 80, 90, 92, 95, 101, 105, 120)
    )


def photoshop(thumbnail: bytes) -> bytes:
    """Image resource blocks: IPTC, a thumbnail, a caption."""

    def block(number: int, value: bytes) -> bytes:
        return b"8BIM" + struct.pack(">HHI", number, 0, len(value)) + value + b"\0" * (len(value) % 2)

    small = struct.pack(">IIIIIIHH", 1, 8, 8, 24, 192, len(thumbnail), 24, 1) + thumbnail
    return block(0x0404, iptc()) + block(0x040C, small) + block(0x03F0, bytes((len(TRACE),)) + TRACE)


def icc() -> bytes:
    """An sRGB profile whose description and copyright tell something."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data += TRACE  # behind the last tag: the size says that it belongs to it
    data[0:4] = struct.pack(">I", len(data))
    return bytes(data)


# --- JPEG ----------------------------------------------------------------------------------------------------
def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*segments: bytes, base: bytes | None = None) -> bytes:
    """A JPEG with these directly behind its beginning."""
    data = encoded(photo(), "JPEG", quality=90) if base is None else base
    return data[:2] + b"".join(segments) + data[2:]


def _jpegs() -> Iterator[tuple[str, bytes]]:
    small = encoded(photo(size=(16, 16)), "JPEG", comment=TRACE)
    plain = encoded(photo(), "JPEG", quality=90)
    yield "exif little-endian", with_segments(segment(0xE1, b"Exif\0\0" + tiff("<", small)))
    yield "exif big-endian", with_segments(segment(0xE1, b"Exif\0\0" + tiff(">", small)))
    yield "exif twice", with_segments(*[segment(0xE1, b"Exif\0\0" + tiff())] * 2)
    yield "exif behind the tables", plain.replace(b"\xff\xda", segment(0xE1, b"Exif\0\0" + tiff()) + b"\xff\xda", 1)
    yield "xmp", with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()))
    part = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(xmp()), 0) + xmp()
    yield "xmp in parts", with_segments(segment(0xE1, part))
    yield "icc", with_segments(segment(0xE2, b"ICC_PROFILE\0\x01\x01" + icc()))
    yield "iptc", with_segments(segment(0xED, b"Photoshop 3.0\0" + photoshop(small)))
    yield "jfif thumbnail", with_segments(segment(0xE0, b"JFXX\0\x10" + small))
    yield "flashpix", with_segments(segment(0xE2, b"FPXR\0" + TRACE))
    yield "several pictures", with_segments(segment(0xE2, b"MPF\0" + tiff())) + small
    for marker in (*range(0xE3, 0xEE), 0xEF):
        yield f"application {marker - 0xE0}", with_segments(segment(marker, b"Ducky" + TRACE))
    yield "adobe", with_segments(segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01" + TRACE))
    yield "comments", with_segments(*(segment(0xFE, TRACE + bytes((65 + n,))) for n in range(20)))
    yield "comment behind the tables", plain.replace(b"\xff\xda", segment(0xFE, TRACE) + b"\xff\xda", 1)
    yield "unused table", with_segments(segment(0xDB, b"\x03" + (TRACE * 5)[:64]))
    progressive = encoded(photo(), "JPEG", quality=90, progressive=True)
    at = progressive.rindex(b"\xff\xda")
    yield "comment between scans", progressive[:at] + segment(0xFE, TRACE) + progressive[at:]
    yield "behind the end", plain + TRACE + tiff()
    yield "another picture behind the end", plain + with_segments(segment(0xE1, b"Exif\0\0" + tiff()))
    yield "an archive behind the end", plain + _zip()
    yield "a page inside", with_segments(segment(0xFE, b"<html><script>/*" + TRACE + b"*/</script></html>"))
    yield "a document inside", with_segments(segment(0xFE, b"%PDF-1.4\n1 0 obj<</Title(" + TRACE + b")>>endobj"))


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(TRACE.decode(), (2026, 1, 2, 3, 4, 5)), TRACE)
    return out.getvalue()


# --- PNG -----------------------------------------------------------------------------------------------------
def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(*chunks: bytes, base: bytes | None = None, before: bytes = b"IDAT") -> bytes:
    data = encoded(photo(), "PNG") if base is None else base
    at = data.index(before) - 4
    return data[:at] + b"".join(chunks) + data[at:]


def _pngs() -> Iterator[tuple[str, bytes]]:
    plain = encoded(photo(), "PNG")
    packed = zlib.compress(TRACE * 3)
    places = {
        "text": chunk(b"tEXt", b"Comment\0" + TRACE),
        "packed text": chunk(b"zTXt", b"Comment\0\0" + packed),
        "international text": chunk(b"iTXt", b"Title\0\0\0en\0Titel\0" + TRACE),
        "packed international text": chunk(b"iTXt", b"Title\0\x01\0en\0Titel\0" + packed),
        "xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp()),
        "exif": chunk(b"eXIf", tiff()),
        "exif as text": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(_raw_profile(b"exif", tiff()))),
        "iptc as text": chunk(b"tEXt", b"Raw profile type iptc\0" + _raw_profile(b"iptc", iptc())),
        "icc": chunk(b"iCCP", TRACE + b"\0\0" + zlib.compress(icc())),
        "suggested palette": chunk(b"sPLT", TRACE + b"\0\x08" + bytes(6)),
        "private": chunk(b"prVt", TRACE),
        "private, to be kept": chunk(b"prVT".replace(b"T", b"t"), TRACE),
    }
    for place, made in places.items():
        yield place, with_chunks(made)
        yield f"{place}, behind the pixels", with_chunks(made, before=b"IEND")
    yield "behind the end", plain + TRACE + tiff()
    yield "an archive behind the end", plain + _zip()
    yield "behind the last row", _behind_the_last_row()
    palette = photo("P")
    colours = (palette.getpalette() or [])[: 3 * 200]
    palette.putpalette([*colours, *(TRACE * 12)[: 768 - len(colours)]])
    yield "unused colours", encoded(palette.point(lambda value: value % 200), "PNG")
    yield "a second frame", _animated()


def _raw_profile(name: bytes, body: bytes) -> bytes:
    return b"\n" + name + b"\n%8d\n" % len(body) + body.hex().encode() + b"\n"


def _behind_the_last_row() -> bytes:
    """More bytes in the stream of pixels than the picture has."""
    size = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(24) for _ in range(8))
    pixels = chunk(b"IDAT", zlib.compress(rows + TRACE * 4))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + pixels + chunk(b"IEND", b"")


def _animated() -> bytes:
    """An animation whose second frame is made of letters."""
    plain = encoded(photo(), "PNG")
    size, rows = struct.pack(">IIII", 64, 48, 0, 0), b"".join(b"\0" + (TRACE * 14)[: 64 * 3] for _ in range(48))

    def frame(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">I", number) + size + struct.pack(">HHBB", 1, 20, 0, 0))

    second = chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(rows))
    first = with_chunks(chunk(b"acTL", struct.pack(">II", 2, 0)), frame(0), base=plain)
    return with_chunks(frame(1), second, base=first, before=b"IEND")


# --- WebP ----------------------------------------------------------------------------------------------------
def riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp(*extra: bytes, flags: int = 0, behind: bytes = b"", **options: Any) -> bytes:
    """An extended WebP with these chunks behind the pixels."""
    plain = encoded(photo(), "WEBP", **options)
    pixels = plain[12:]
    head = bytes((flags, 0, 0, 0)) + (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    body = b"WEBP" + riff(b"VP8X", head) + pixels + b"".join(extra)
    return b"RIFF" + struct.pack("<I", len(body)) + body + behind


def _webps() -> Iterator[tuple[str, bytes]]:
    yield "exif", webp(riff(b"EXIF", tiff()), flags=8)
    yield "exif as in a JPEG", webp(riff(b"EXIF", b"Exif\0\0" + tiff()), flags=8)
    yield "exif that is not announced", webp(riff(b"EXIF", tiff()))
    yield "xmp", webp(riff(b"XMP ", xmp()), flags=4)
    yield "icc", encoded(photo(), "WEBP", icc_profile=icc())
    yield "unknown", webp(riff(b"ABCD", TRACE))
    yield "behind the end", webp(behind=TRACE + tiff())
    yield "an archive behind the end", webp(behind=_zip())
    yield "everything, without loss", webp(riff(b"EXIF", tiff()), riff(b"XMP ", xmp()), flags=12, lossless=True)
    frames = [photo(), photo().transpose(Image.Transpose.ROTATE_180)]
    moving = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, exif=tiff(), xmp=xmp())
    yield "moving", moving


# --- GIF -----------------------------------------------------------------------------------------------------
def _blocks(body: bytes) -> bytes:
    parts = [body[at : at + 255] for at in range(0, len(body), 255)]
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


def extension(label: int, *blocks: bytes) -> bytes:
    head = b"".join(bytes((len(block),)) + block for block in blocks[:-1])
    return b"\x21" + bytes((label,)) + head + _blocks(blocks[-1])


def with_extension(*extensions: bytes, base: bytes | None = None, at_end: bool = False) -> bytes:
    """A GIF with these behind its colours, or before its end."""
    data = encoded(photo("P"), "GIF") if base is None else base
    if at_end:
        return data[:-1] + b"".join(extensions) + data[-1:]
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:at] + b"".join(extensions) + data[at:]


def _gifs() -> Iterator[tuple[str, bytes]]:
    grid = struct.pack("<HHHHBBBB", 0, 0, 64, 48, 8, 8, 0, 1)
    trailer = bytes((1, *range(255, -1, -1), 0))
    packet = b"\x21\xff\x0bXMP DataXMP" + xmp() + trailer
    moving = encoded(photo("P"), "GIF", save_all=True, append_images=[photo("P").rotate(180)], duration=50)
    for name, base in (("", None), (", moving", moving)):
        for at_end in (False, True):
            where = f"{name}, at the end" if at_end else name
            yield f"comment{where}", with_extension(extension(0xFE, TRACE), base=base, at_end=at_end)
            made = with_extension(extension(0xFF, b"TESTAPP1.0\0", TRACE), base=base, at_end=at_end)
            yield f"application{where}", made
            yield f"xmp{where}", with_extension(packet, base=base, at_end=at_end)
        yield f"text{name}", with_extension(extension(0x01, grid, TRACE), base=base)
        profile = extension(0xFF, b"ICCRGBG1012", icc())
        yield f"icc{name}", with_extension(profile, base=base)
    plain = encoded(photo("P"), "GIF")
    yield "behind the end", plain + TRACE + tiff()
    yield "an archive behind the end", plain + _zip()
    yield "a script", b"GIF89a" + plain[6:] + b"=1;/*" + TRACE + b"*/alert(1)"
    # The table of colours is made as large as it may be: no pixel uses what is added.
    few = encoded(photo("P").point(lambda value: value % 16), "GIF", optimize=True)
    end = 13 + 3 * 2 ** ((few[10] & 7) + 1)
    table = few[13:end] + (TRACE * 60)[: 13 + 768 - end]
    yield "unused colours", few[:10] + bytes((few[10] | 7,)) + few[11:13] + table + few[end:]


def planted() -> list[Planted]:
    """All of them."""
    makers: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
        "JPEG": _jpegs,
        "PNG": _pngs,
        "WEBP": _webps,
        "GIF": _gifs,
    }
    return [Planted(place, kind, data) for kind, make in makers.items() for place, data in make()]


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for one in planted():
        name = f"{one.place.replace(' ', '-').replace(',', '')}.{one.kind.lower()}"
        (directory / name).write_bytes(one.data)
