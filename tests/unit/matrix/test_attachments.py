"""Files of archives on a homeserver: what goes wrong there is told apart."""

import base64
import io

import pytest
from PIL import Image

from bridge.errors import UserError
from bridge.matrix.attachments import Attachments
from bridge.matrix.http import Homeserver, MatrixError, TooLarge, Unreachable
from bridge.matrix.pictures import Miniature
from bridge.miniprograms.events import MAX_AVATAR
from bridge.moments.pictures import Pictures
from bridge.rights.archive.ports import FileGone, FileLater, FileRefused


class Media(Homeserver):
    """A homeserver of which only the media repository is there."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failure: Exception | None = None

    async def upload(self, data: bytes, mimetype: str = "application/octet-stream") -> str:
        if self.failure is not None:
            raise self.failure
        url = f"mxc://x.org/{len(self.kept)}"
        self.kept[url] = data
        return url

    async def download(self, mxc: str, max_bytes: int) -> bytes:
        if self.failure is not None:
            raise self.failure
        if len(self.kept[mxc]) > max_bytes:
            raise TooLarge("x")
        return self.kept[mxc]


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(out, "PNG")
    return out.getvalue()


async def test_what_is_stored_is_encrypted_and_comes_back() -> None:
    media, pictures = Media(), Pictures(1 << 20, 1 << 20, 20)
    files = Attachments(media, pictures)
    stored = await files.store(b"everything of mine")
    assert b"everything" not in media.kept[str(stored["url"])]
    assert await files.fetch(stored, 100) == b"everything of mine"
    with pytest.raises(FileGone):
        await files.fetch(stored, 5)
    media.kept[str(stored["url"])] += b"x"
    with pytest.raises(FileGone):
        await files.fetch(stored, 100)
    with pytest.raises(FileGone):
        await files.fetch({"url": "mxc://x.org/0"}, 100)
    made = await files.picture(picture())
    assert made.info["mimetype"] == "image/png"
    with pytest.raises(UserError, match="picture-type"):
        await files.picture(b"no picture")
    await pictures.close()


async def test_the_picture_of_a_profile_is_drawn_anew_so_small_that_it_is_a_value() -> None:
    media, pictures = Media(), Pictures(1 << 20, 1 << 22, 20)
    out = io.BytesIO()
    Image.effect_noise((1200, 900), 200).convert("RGB").save(out, "JPEG", quality=70, comment=b"where it was taken")
    made = await Attachments(media, pictures).picture(out.getvalue())
    small = await Miniature(media, pictures, 1 << 20)(made)
    with Image.open(io.BytesIO(small)) as shown:
        assert (shown.width, shown.height) == (96, 72)
        assert "comment" not in shown.info
    assert len(base64.b64encode(small)) <= MAX_AVATAR, "the worst there is: noise"
    with pytest.raises(TooLarge):
        await Miniature(media, pictures, 10)(made)
    await pictures.close()


@pytest.mark.parametrize(
    ("failure", "storing", "fetching"),
    [
        (Unreachable("x"), FileLater, FileLater),
        (MatrixError(429, "M_LIMIT_EXCEEDED", {}), FileLater, FileLater),
        (MatrixError(502, "M_UNKNOWN", {}), FileLater, FileLater),
        (MatrixError(413, "M_TOO_LARGE", {}), FileRefused, FileGone),
        (MatrixError(404, "M_NOT_FOUND", {}), FileRefused, FileGone),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_failures(failure: Exception, storing: type[Exception], fetching: type[Exception]) -> None:
    media, pictures = Media(), Pictures(1 << 20, 1 << 20, 20)
    files = Attachments(media, pictures)
    stored = await files.store(b"x")
    media.failure = failure
    with pytest.raises(storing):
        await files.store(b"x")
    with pytest.raises(fetching):
        await files.fetch(stored, 100)


async def test_a_busy_picture_worker_is_waited_for() -> None:
    pictures = Pictures(1 << 20, 1 << 20, 20, max_waiting=0)
    with pytest.raises(FileLater):
        await Attachments(Media(), pictures).picture(picture())
    await pictures.close()
