"""A QR code with a line below it, as a picture."""

import io

from bridge.chat.picture import DrawnPicture

SCALE = 10
"""Pixels of one module."""
BORDER = 4
"""Modules around the code, as the standard wants it."""
_TEXT, _LEAST_TEXT = 40, 12
_BLACK, _WHITE = 0, 255


def draw(content: str, line: str) -> DrawnPicture:
    """The QR code of `content`, and `line` for people to read. Takes some milliseconds: not on the event loop."""
    # Loaded with the first picture: most starts draw none.
    import segno
    from PIL import Image, ImageDraw, ImageFont

    matrix = segno.make(content, error="m", micro=False).matrix
    side = (len(matrix) + 2 * BORDER) * SCALE
    picture = Image.new("L", (side, side + _TEXT + 2 * SCALE), _WHITE)
    code = Image.new("L", (len(matrix), len(matrix)), _WHITE)
    code.putdata([_BLACK if module else _WHITE for row in matrix for module in row])
    inner = len(matrix) * SCALE
    picture.paste(code.resize((inner, inner), Image.Resampling.NEAREST), (BORDER * SCALE, BORDER * SCALE))
    size = _TEXT
    while True:
        font = ImageFont.load_default(size)
        if size <= _LEAST_TEXT or font.getlength(line) <= side - 2 * SCALE:
            break
        size -= 2
    ImageDraw.Draw(picture).text((side // 2, side + _TEXT // 2), line, fill=_BLACK, font=font, anchor="mm")
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return DrawnPicture(data.getvalue(), "image/png", picture.width, picture.height)
