"""The recovery key: 32 bytes that open the bot's secret storage on the homeserver, as text and as a file.

Its text is what clients show to people (spec: appendix "Cryptographic key representation").
"""

import os
import stat
from pathlib import Path

from bridge.config.private_file import write_new
from bridge.errors import OperatorError

KEY_BYTES = 32
_PREFIX = b"\x8b\x01"
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MAX_TEXT = 1024


def encode_recovery_key(key: bytes) -> str:
    """The key as people write it: base58, in groups of four."""
    data = _PREFIX + key
    number = int.from_bytes(data + bytes([_parity(data)]), "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def decode_recovery_key(text: str) -> bytes:
    """The key that `text` spells; blanks and line ends don't count. Raises ValueError when it is none."""
    digits = "".join(text.split())
    if not digits or len(digits) > _MAX_TEXT:
        raise ValueError("no recovery key")
    number = 0
    for digit in digits:
        value = _ALPHABET.find(digit)
        if value < 0:
            raise ValueError("a sign that no recovery key has")
        number = number * 58 + value
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    # The first byte of a key is never 0, so no leading zeros are lost.
    if len(data) != len(_PREFIX) + KEY_BYTES + 1 or not data.startswith(_PREFIX) or _parity(data) != 0:
        raise ValueError("a sign is missing or wrong")
    return data[len(_PREFIX) : -1]


def load_recovery_key(path: Path) -> bytes | None:
    """The key in the file at `path`; None when there is no file.

    Raises:
        OperatorError: the file can't be read, holds no key, or may be read by others.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MAX_TEXT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperatorError(f"recovery key: {path} can't be read ({error.strerror}); check its permissions.") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise OperatorError(f"recovery key: {path} is open to everybody on this machine; run: chmod 600 {path}")
    try:
        return decode_recovery_key(raw.decode("utf-8"))
    except ValueError:
        raise OperatorError(
            f"recovery key: {path} does not hold one. Put back the file that was there; a copy of it may be on paper."
        ) from None


def save_recovery_key(path: Path, key: bytes) -> None:
    """Write the key into a file of its own, which must not be there yet.

    Raises:
        OperatorError: there is a file already, or it can't be written.
    """
    try:
        write_new(path, recovery_key_file(key))
    except FileExistsError:
        raise OperatorError(f"recovery key: {path} exists already and stays as it is. Move it away first.") from None
    except OSError as error:
        raise OperatorError(f"recovery key: {path} can't be written ({error.strerror}); check the directory.") from None


def recovery_key_file(key: bytes) -> bytes:
    """What a file with this key holds."""
    return encode_recovery_key(key).encode() + b"\n"


def _parity(data: bytes) -> int:
    parity = 0
    for byte in data:
        parity ^= byte
    return parity
