"""What a file of pixels consists of, piece by piece, read without any decoder of pictures."""

from collections.abc import Iterator

_STANDALONE = {0x01, *range(0xD0, 0xD8)}


def pieces(data: bytes) -> list[str]:
    """The names of all pieces of a JPEG, PNG, WebP or GIF, in order; `behind` for what follows the end.

    Raises:
        ValueError: it is none of these, or a piece is cut off.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return list(_jpeg(data))
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return list(_png(data))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return list(_webp(data))
        if data.startswith(b"GIF89a"):
            return list(_gif(data))
    except IndexError:
        raise ValueError("cut off") from None
    raise ValueError("unknown")


def _jpeg(data: bytes) -> Iterator[str]:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xD9:
            break
        if marker in _STANDALONE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        # An APP0 with a thumbnail in it is more than the few numbers of JFIF.
        name = "JFIF" if marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) == 14 else f"{marker:02X}"
        yield name
        at += 2 + length
        if marker == 0xDA:
            while data[at] != 0xFF or data[at + 1] == 0 or data[at + 1] in _STANDALONE:
                at += 1
    if len(data) > at + 2:
        yield "behind"


def _png(data: bytes) -> Iterator[str]:
    at = 8
    while True:
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("ascii")
        yield name
        data[at + 11 + length]
        at += 12 + length
        if name == "IEND":
            break
    if len(data) > at:
        yield "behind"


def _webp(data: bytes) -> Iterator[str]:
    end = 8 + int.from_bytes(data[4:8], "little")
    at = 12
    while at < end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4].decode("ascii").strip()
        data[at + 7 + length]
        at += 8 + length + length % 2
    if len(data) > end:
        yield "behind"


def _gif(data: bytes) -> Iterator[str]:
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            packed = data[at + 9]
            yield "image"
            at += 10 + (3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0) + 1
        elif data[at] == 0x21:
            label = data[at + 1]
            yield "NETSCAPE" if data[at + 3 : at + 14] == b"NETSCAPE2.0" else f"{label:02X}"
            at += 2
        else:
            raise ValueError("no block")
        while data[at]:
            at += 1 + data[at]
        at += 1
    if len(data) > at + 1:
        yield "behind"
