"""Pictures: what goes on is pixels alone, and no file stalls or kills the bot."""

import asyncio
import io
import os
import random
import signal
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from bridge.chat.catalogue import Catalogue
from bridge.errors import UserError
from bridge.moments.pictures import Pictures, Processed

TRACE = b"alice-was-here"
MAX_BYTES = 5_000_000
MAX_PIXELS = 4_000_000


Colour: TypeAlias = str | int | tuple[int, ...]
COLOURS: dict[str, tuple[Colour, Colour]] = {
    "RGB": ("red", "blue"),
    "RGBA": ((255, 0, 0, 255), (0, 0, 255, 0)),
    "CMYK": ((0, 255, 255, 0), (255, 255, 0, 0)),
}


@pytest.fixture(scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0)
    yield pictures
    await pictures.close()
    assert pictures.worker_pid is None


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Left red, right blue (or dark and bright)."""
    left, right = COLOURS.get(mode, (0, 255))
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = TRACE.decode()  # Make
    data[0x0112] = orientation
    data.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0), 29: TRACE.decode()})
    return data


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def assert_clean(result: Processed) -> None:
    for data in (result.data, result.thumbnail.data):
        for trace in (
            TRACE,
            b"Exif",
            b"EXIF",
            b"eXIf",
            b"http://ns.adobe",
            b"Photoshop",
            b"ICC_PROFILE",
            b"iCCP",
            b"ICCP",
        ):
            assert trace not in data, trace
        image = opened(data)
        assert not image.getexif()
        assert set(image.info) <= {
            "jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "duration", "timestamp",
            "version", "transparency", "extension",
        }  # fmt: skip


async def refused(pictures: Pictures, data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        await pictures.process(data)
    error = caught.value
    catalogue = Catalogue.load(strict=True)
    for language in ("en", "zh"):
        assert catalogue.has(language, error.message_id)
    return error.message_id


async def test_a_photo_loses_place_time_and_device(pictures: Pictures) -> None:
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x>" + TRACE + b"</x>"
    data = encoded(picture(), "JPEG", exif=exif(), comment=TRACE, xmp=xmp, icc_profile=srgb(), quality=95)
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x12" + TRACE + b"1234"
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:]
    assert data.count(TRACE) >= 5
    result = await pictures.process(data)
    assert_clean(result)
    assert (result.mimetype, result.width, result.height) == ("image/jpeg", 64, 48)
    assert opened(result.data).size == (64, 48)
    assert result.blurhash


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
async def test_other_kinds_lose_their_metadata_too(pictures: Pictures, kind: str) -> None:
    options: dict[str, Any] = {"comment": TRACE} if kind == "GIF" else {"exif": exif(), "icc_profile": srgb()}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", TRACE.decode())
        text.add_itxt("XML:com.adobe.xmp", TRACE.decode())
        options["pnginfo"] = text
    if kind == "WEBP":
        options["xmp"] = TRACE
    data = encoded(picture(), kind, **options)
    assert TRACE in data
    assert_clean(await pictures.process(data))


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_it_is_turned_upright(pictures: Pictures, orientation: int) -> None:
    # Where the stored left, red side is shown (EXIF 2.32, tag 0x0112).
    side = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[orientation]
    result = await pictures.process(encoded(picture(), "JPEG", exif=exif(orientation), quality=95))
    image = opened(result.data).convert("RGB")
    assert image.size == (result.width, result.height) == ((64, 48) if orientation < 5 else (48, 64))
    middle = {
        "left": (8, image.height // 2),
        "right": (image.width - 8, image.height // 2),
        "top": (image.width // 2, 8),
        "bottom": (image.width // 2, image.height - 8),
    }
    for name, point in middle.items():
        red, _, blue = image.getpixel(point)  # type: ignore[misc]
        if name == side:
            assert red > 200 > 60 > blue, name
        elif {name, side} in ({"left", "right"}, {"top", "bottom"}):
            assert blue > 200 > 60 > red, name


async def test_a_foreign_colour_space_becomes_srgb(pictures: Pictures) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"no profile at all", srgb()[:200]):
        result = await pictures.process(encoded(picture(), "PNG", icc_profile=profile))
        assert_clean(result)
        assert opened(result.data).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("mode", "kind", "mimetype"),
    [
        ("1", "PNG", "image/png"),
        ("L", "PNG", "image/png"),
        ("LA", "PNG", "image/png"),
        ("P", "PNG", "image/png"),
        ("I;16", "PNG", "image/png"),
        ("RGBA", "PNG", "image/png"),
        ("RGBA", "WEBP", "image/webp"),
        ("RGB", "WEBP", "image/webp"),
        ("L", "JPEG", "image/jpeg"),
        ("CMYK", "JPEG", "image/jpeg"),
        ("RGB", "GIF", "image/png"),
    ],
)
async def test_every_kind_of_pixel(pictures: Pictures, mode: str, kind: str, mimetype: str) -> None:
    result = await pictures.process(encoded(picture(mode), kind))
    assert result.mimetype == mimetype
    image = opened(result.data)
    assert image.mode in ("RGB", "RGBA")
    assert image.size == (64, 48)


async def test_sixteen_bits_are_scaled(pictures: Pictures) -> None:
    result = await pictures.process(encoded(Image.new("I;16", (8, 8), 0x8080), "PNG"))
    assert opened(result.data).getpixel((1, 1)) == (128, 128, 128)


async def test_transparency_stays(pictures: Pictures) -> None:
    result = await pictures.process(encoded(picture("RGBA"), "PNG"))
    assert opened(result.data).getpixel((60, 5))[3] == 0  # type: ignore[index]
    assert result.thumbnail.mimetype == "image/webp"
    assert opened(result.thumbnail.data).convert("RGBA").getpixel((60, 5))[3] == 0  # type: ignore[index]


async def test_the_thumbnail_fits_and_large_pictures_shrink() -> None:
    pictures = Pictures(MAX_BYTES, 20_000_000, 60.0)
    try:
        result = await pictures.process(encoded(picture(size=(9000, 1500)), "JPEG"))
        assert (result.width, result.height) == (4096, 683)
        assert (result.thumbnail.width, result.thumbnail.height) == (800, 133)
        assert opened(result.thumbnail.data).size == (800, 133)
    finally:
        await pictures.close()


def animation(frames: int, size: tuple[int, int] = (32, 32)) -> bytes:
    images = [Image.new("RGB", size, (number % 255, number // 255 * 40, 200)) for number in range(frames)]
    return encoded(images[0], "GIF", save_all=True, append_images=images[1:], duration=70, loop=0, comment=TRACE)


async def test_a_short_animation_keeps_moving(pictures: Pictures) -> None:
    result = await pictures.process(animation(5))
    assert result.mimetype == "image/gif"
    assert_clean(result)
    image = opened(result.data)
    assert getattr(image, "n_frames", 1) == 5
    assert image.info["duration"] == 70


@pytest.mark.parametrize("frames", [200, 5])
async def test_a_long_or_large_animation_is_its_first_frame(pictures: Pictures, frames: int) -> None:
    result = await pictures.process(animation(frames, (32, 32) if frames == 200 else (1000, 1000)))
    assert result.mimetype == "image/png"
    assert opened(result.data).getpixel((1, 1)) == (0, 0, 200)


# --- hostile files -----------------------------------------------------------------------------------------------


def png(width: int, height: int, *, body: bytes | None = None) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    body = zlib.compress(b"\0" * (height * (width // 8 + 1)), 9) if body is None else body
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + b"\0\0\0\0"
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "picture-broken"),
    "png bomb": (lambda: png(30_000, 30_000), "picture-pixels"),
    "png of 2^31": (lambda: png(2**31 - 1, 2**31 - 1, body=zlib.compress(b"x")), "picture-pixels"),
    "webp of 2^24": (lambda: webp(2**24, 2**24), "picture-pixels"),
    "gif of 2^16": (lambda: b"GIF89a" + b"\xff\xff\xff\xff\x00\x00\x00" + animation(2)[13:], "picture-pixels"),
    "jpeg of 2^16": (lambda: jpeg_header(65_500, 65_500), "picture-pixels"),
    "png of 0": (lambda: png(0, 0), "picture-broken"),
    "truncated jpeg": (lambda: encoded(picture(size=(300, 300)), "JPEG")[:-400], "picture-broken"),
    "truncated png": (lambda: encoded(picture(size=(300, 300)), "PNG")[:-60], "picture-broken"),
    "jpeg start only": (lambda: b"\xff\xd8\xff", "picture-broken"),
    "png start only": (lambda: b"\x89PNG\r\n\x1a\n", "picture-broken"),
    "webp start only": (lambda: b"RIFF\x00\x00\x00\x00WEBP", "picture-broken"),
    "text": (lambda: b"just text", "picture-type"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture-type"),
    "html": (lambda: b"<html><script>1</script>", "picture-type"),
    "tiff": (lambda: encoded(picture(), "TIFF"), "picture-type"),
    "bmp": (lambda: encoded(picture(), "BMP"), "picture-type"),
    "wav that looks like webp": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt ", "picture-type"),
    "too many bytes": (lambda: b"\xff\xd8\xff" + b"\0" * MAX_BYTES, "picture-large"),
}


def jpeg_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.hostile
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_and_the_worker_goes_on(pictures: Pictures, name: str) -> None:
    make, expected = HOSTILE[name]
    data = make()
    await pictures.process(encoded(picture(), "PNG"))
    pid = pictures.worker_pid
    start = time.monotonic()
    assert await refused(pictures, data) == expected
    assert time.monotonic() - start < 10
    assert pictures.worker_pid == pid
    await pictures.process(encoded(picture(), "PNG"))


@pytest.mark.hostile
async def test_damaged_files_never_do_harm(pictures: Pictures) -> None:
    chance = random.Random(7)
    originals = [encoded(picture(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")] + [
        animation(4),
        encoded(picture(), "JPEG", exif=exif(6), icc_profile=srgb()),
    ]
    for number in range(120):
        data = bytearray(originals[number % len(originals)])
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(8, len(data))] = chance.randrange(256)
        [result] = await asyncio.gather(pictures.process(bytes(data)), return_exceptions=True)
        if isinstance(result, Processed):
            assert opened(result.data).size == (result.width, result.height)
        else:
            assert isinstance(result, UserError)
            assert result.message_id in ("picture-broken", "picture-pixels", "picture-type", "picture-failed")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event
            await asyncio.sleep(0.005)


async def _wait_for_worker(pictures: Pictures) -> int:
    await _until(lambda: pictures.worker_pid is not None)
    assert pictures.worker_pid is not None
    return pictures.worker_pid


@pytest.mark.hostile
async def test_a_worker_killed_in_mid_job_is_replaced() -> None:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0)
    try:
        job = asyncio.create_task(pictures.process(encoded(picture(size=(1500, 1500)), "PNG")))
        os.kill(first := await _wait_for_worker(pictures), signal.SIGKILL)
        with pytest.raises(UserError, match="picture-failed"):
            await job
        assert (await pictures.process(encoded(picture(), "PNG"))).width == 64
        assert pictures.worker_pid not in (None, first)
        # Ended between two jobs: nobody notices.
        os.kill(second := await _wait_for_worker(pictures), signal.SIGKILL)
        await _until(lambda: pictures.worker_pid is None)
        assert (await pictures.process(encoded(picture(), "PNG"))).width == 64
        assert await _wait_for_worker(pictures) != second
    finally:
        await pictures.close()


@pytest.mark.hostile
async def test_a_worker_that_hangs_is_ended_in_time_and_the_loop_never_waits() -> None:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 2.0)
    try:
        job = asyncio.create_task(pictures.process(encoded(picture(), "PNG")))
        os.kill(pid := await _wait_for_worker(pictures), signal.SIGSTOP)
        turns = 0
        while not job.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 20
        with pytest.raises(UserError, match="picture-slow"):
            await job
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        await pictures.close()


async def test_a_cancelled_job_does_not_leave_its_answer_to_the_next() -> None:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0)
    try:
        await pictures.process(encoded(picture(), "PNG"))
        job = asyncio.create_task(pictures.process(encoded(picture(size=(1800, 1800)), "PNG")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert (await pictures.process(encoded(picture(size=(20, 10)), "PNG"))).width == 20
    finally:
        await pictures.close()


async def test_jobs_wait_their_turn_and_too_many_are_refused() -> None:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0, max_waiting=3)
    try:
        sizes = [(10 + number, 10) for number in range(4)]
        results = await asyncio.gather(
            *(pictures.process(encoded(picture(size=size), "PNG")) for size in sizes), return_exceptions=True
        )
        assert [r.width for r in results if isinstance(r, Processed)] == [10, 11, 12]
        assert isinstance(results[3], UserError)
        assert results[3].message_id == "picture-busy"
    finally:
        await pictures.close()


async def test_closing_ends_the_job_that_runs() -> None:
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0)
    job = asyncio.create_task(pictures.process(encoded(picture(size=(1500, 1500)), "PNG")))
    pid = await _wait_for_worker(pictures)
    await pictures.close()
    with pytest.raises(UserError, match="picture-failed"):
        await job
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert await refused(pictures, encoded(picture(), "PNG")) == "picture-failed"


async def test_the_worker_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURTYARD_MATRIX__PASSWORD", TRACE.decode())
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(filter(None, (os.getenv("LD_LIBRARY_PATH"), "/some/lib"))))
    pictures = Pictures(MAX_BYTES, MAX_PIXELS, 30.0)
    try:
        await pictures.process(encoded(picture(), "PNG"))
        pid = pictures.worker_pid
        proc = Path(f"/proc/{pid}")
        if sys.platform == "linux":
            assert (proc / "environ").read_bytes() == b""
            lines = {line[:26].strip(): line[26:].split() for line in (proc / "limits").read_text().splitlines()}
            assert lines["Max address space"][0] != "unlimited"
            assert lines["Max cpu time"][0] != "unlimited"
            assert lines["Max file size"][0] == "0"
    finally:
        await pictures.close()
