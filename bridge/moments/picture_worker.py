"""The process that opens pictures of strangers. It has no secrets, little memory, and may be killed at any time.

Protocol on standard input and output, lengths as 4 bytes big-endian. A job: JSON limits, then the file. A result: JSON
head, then the picture, then the thumbnail; or a head with `error` and two empty parts. End of input ends the process.
"""

import io
import json
import math
import resource
import struct
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import blurhash
from PIL import Image, ImageCms, ImageOps, ImageSequence

THUMBNAIL_SIZE = (800, 600)
"""Box in pixels that the thumbnail fits into (the size that most clients show; spec: "Thumbnails")."""
MAX_SIDE = 4096
"""Longer pictures are scaled down to this many pixels."""
MAX_FRAMES = 150
"""Longer animations are shown by their first frame."""
MIN_FRAME_MS, MAX_FRAME_MS = 20, 10_000

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_BASE_MEMORY = 384 * 1024 * 1024
_BYTES_PER_PIXEL = 4
_COPIES = 5  # decoded, turned, converted, scaled, in the encoder


class Refused(Exception):
    """The file can't be used. The text is the end of a message id."""


@dataclass(frozen=True, slots=True)
class Limits:
    bytes: int
    pixels: int
    seconds: float
    thumbnail: Sequence[int] = THUMBNAIL_SIZE
    """Box in pixels that the thumbnail fits into."""


def kind_of(data: bytes) -> str | None:
    """The format by the file's first bytes, whatever it calls itself; None: none that we take."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def make_safe(data: bytes, limits: Limits) -> tuple[dict[str, Any], bytes, bytes]:
    """Decode, turn upright, convert to sRGB, drop everything that is not pixels, and encode again."""
    kind = kind_of(data)
    if kind is None:
        raise Refused("type")
    if kind == "WEBP":
        _check_size(*_webp_size(data), limits)  # its decoder takes memory for the canvas before it can be asked
    Image.MAX_IMAGE_PIXELS = limits.pixels
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            _check_size(*image.size, limits)
            frames = _animation(image, limits) if kind == "GIF" else None
            if frames is not None:
                return _encode_animation(frames, limits)
            image.seek(0)
            still = _upright_srgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("pixels") from None
    has_alpha = still.mode == "RGBA"
    picture, mimetype = _encode(still, kind, has_alpha, limits)
    return _result(still, still.size, picture, mimetype, limits)


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise Refused("broken")
    if width * height > limits.pixels:
        raise Refused("pixels")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk (RFC 9649)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise Refused("broken")
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise Refused("broken")


def _upright_srgb(image: Image.Image) -> Image.Image:
    """An RGB or RGBA picture that holds pixels alone."""
    if image.format == "JPEG" and max(image.size) > 2 * MAX_SIDE:
        image.draft(None, (MAX_SIDE, MAX_SIDE))  # the decoder scales: less memory
    image.load()
    profile = image.info.get("icc_profile")
    orientation = _orientation(image)
    if max(image.size) > MAX_SIDE and image.mode in ("RGB", "RGBA", "L", "CMYK") and "transparency" not in image.info:
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)  # in place, before there are copies
    plain = _to_srgb(image, profile)
    plain.info.clear()
    if max(plain.size) > MAX_SIDE:
        plain.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if orientation is not None:
        plain = plain.transpose(orientation)
    if plain.mode == "RGBA":
        plain = plain.convert("RGB") if plain.getchannel("A").getextrema() == (255, 255) else _without_unseen(plain)
    plain.info.clear()
    return plain


def _without_unseen(image: Image.Image) -> Image.Image:
    """Without the colours of what is fully transparent: who rubbed something out in that way meant it to be gone."""
    seen = Image.new("RGBA", image.size)
    seen.paste(image, mask=image.getchannel("A").point([0, *[255] * 255]))
    return seen


def _orientation(image: Image.Image) -> Image.Transpose | None:
    try:
        value = image.getexif().get(0x0112)
    except Exception:  # hostile EXIF: then it is shown as it is stored
        return None
    return {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(value if isinstance(value, int) else 1)


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        # 16 bits a pixel; converting would cut instead of scale.
        image = image.convert("F").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode == "P" or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        transparent = image.mode in ("PA", "LA", "La", "RGBa") or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    target = "RGBA" if image.mode == "RGBA" else "RGB"
    if isinstance(profile, bytes) and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken or foreign profile: the numbers are taken as sRGB
    return image.convert(target) if image.mode != target else image.copy()


def _encode(image: Image.Image, kind: str, has_alpha: bool, limits: Limits) -> tuple[bytes, str]:
    if kind in ("PNG", "GIF"):
        encoded = _save(image, "PNG")
        if len(encoded) <= limits.bytes:
            return encoded, "image/png"
    for quality in (88, 75):
        if kind == "WEBP" or has_alpha:
            encoded, mimetype = _save(image, "WEBP", quality=quality, method=4), "image/webp"
        else:
            encoded, mimetype = _save(image, "JPEG", quality=quality), "image/jpeg"
        if len(encoded) <= limits.bytes:
            return encoded, mimetype
    raise Refused("large")


def _save(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _animation(image: Image.Image, limits: Limits) -> list[tuple[Image.Image, int]] | None:
    """Frames and their ms; None: it does not move, or is too long to be taken apart."""
    frames: list[tuple[Image.Image, int]] = []
    try:
        for frame in ImageSequence.Iterator(image):
            if len(frames) >= MAX_FRAMES or (len(frames) + 1) * frame.width * frame.height > limits.pixels:
                return None
            duration = frame.info.get("duration", 100)
            ms = round(duration) if isinstance(duration, int | float) and math.isfinite(duration) else 100
            copy = _without_unseen(frame.convert("RGBA"))
            frames.append((copy, max(MIN_FRAME_MS, min(MAX_FRAME_MS, ms))))
    except (OSError, SyntaxError, ValueError, EOFError):
        return None  # a broken frame: the first one may still be whole
    return frames if len(frames) > 1 else None


def _encode_animation(frames: list[tuple[Image.Image, int]], limits: Limits) -> tuple[dict[str, Any], bytes, bytes]:
    first = frames[0][0]
    images = [frame for frame, _ in frames]
    durations = [ms for _, ms in frames]
    encoded = _save(
        first, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, disposal=2, optimize=False
    )
    if len(encoded) > limits.bytes:
        return _result(first, first.size, *_encode(first, "GIF", True, limits), limits)
    return _result(first, first.size, encoded, "image/gif", limits)


def _result(
    image: Image.Image, size: tuple[int, int], picture: bytes, mimetype: str, limits: Limits
) -> tuple[dict[str, Any], bytes, bytes]:
    thumbnail = image.copy()
    thumbnail.thumbnail((limits.thumbnail[0], limits.thumbnail[1]), Image.Resampling.LANCZOS)
    opaque = thumbnail.mode == "RGB"
    encoded = _save(thumbnail, "JPEG", quality=80) if opaque else _save(thumbnail, "WEBP", quality=80, method=4)
    head = {
        "mimetype": mimetype,
        "width": size[0],
        "height": size[1],
        "thumbnail_mimetype": "image/jpeg" if opaque else "image/webp",
        "thumbnail_width": thumbnail.width,
        "thumbnail_height": thumbnail.height,
        "blurhash": _blurhash(thumbnail),
    }
    return head, picture, encoded


def _blurhash(image: Image.Image) -> str:
    small = Image.new("RGB", image.size, "white")
    small.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    small = ImageOps.contain(small, (32, 32))
    pixels = small.tobytes()
    rows = [[tuple(pixels[3 * (y * small.width + x) :][:3]) for x in range(small.width)] for y in range(small.height)]
    components = (4, 3) if small.width >= small.height else (3, 4)
    return str(blurhash.encode(rows, components_x=components[0], components_y=components[1]))


def _read(source: BinaryIO, limit: int) -> bytes | None:
    head = source.read(4)
    if len(head) < 4:
        return None
    length = int(struct.unpack(">I", head)[0])
    if length > limit:
        return None
    data = source.read(length)
    return data if len(data) == length else None


def _jobs(source: BinaryIO) -> Iterator[tuple[Limits, bytes]]:
    while (head := _read(source, 4096)) is not None:
        limits = Limits(**json.loads(head))
        data = _read(source, limits.bytes)
        if data is None:
            return
        yield limits, data


def _restrict(limits: Limits) -> None:
    """Bound this process for the next job; what the system can't bound, the parent's clock does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = math.ceil(used.ru_utime + used.ru_stime + limits.seconds)
    memory = _BASE_MEMORY + _COPIES * _BYTES_PER_PIXEL * limits.pixels + 4 * limits.bytes
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, resource.RLIM_INFINITY),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
    ):
        try:
            old_hard = resource.getrlimit(what)[1]
            if old_hard != resource.RLIM_INFINITY:
                hard = min(hard, old_hard) if hard != resource.RLIM_INFINITY else old_hard
            resource.setrlimit(what, (min(soft, hard) if hard != resource.RLIM_INFINITY else soft, hard))
        except (OSError, ValueError):
            continue  # macOS knows RLIMIT_AS, but does not let it be set


def main() -> None:
    """Do jobs until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    # What a library prints must not get between the frames.
    sys.stdout = io.StringIO()
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.preinit()
    for limits, data in _jobs(source):
        _restrict(limits)
        picture = thumbnail = b""
        head: dict[str, Any]
        try:
            head, picture, thumbnail = make_safe(data, limits)
        except Refused as refused:
            head = {"error": str(refused)}
        except MemoryError:
            head = {"error": "pixels"}
        except Exception:  # a decoder may raise anything for a hostile file
            head = {"error": "broken"}
        for part in (json.dumps(head).encode(), picture, thumbnail):
            sink.write(struct.pack(">I", len(part)) + part)
        sink.flush()
        del data, picture, thumbnail


if __name__ == "__main__":
    main()
