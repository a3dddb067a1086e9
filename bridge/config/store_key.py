"""The key that seals the crypto store."""

import base64
import binascii
from pathlib import Path

from bridge.config.key_file import KEY_BYTES, create_key_file, read_key_file
from bridge.errors import OperatorError

_WHAT = "store key"


def load_or_create_store_key(path: Path, *, may_create: bool = True) -> bytes:
    """The 32 bytes in the file at `path`; with `may_create`, a new key is made (mode 0600) when there is none.

    Raises:
        OperatorError: the file can't be read or written, is no key, or may be read by others.
    """
    for _ in range(2):
        try:
            return _decoded(path, read_key_file(path, _WHAT))
        except FileNotFoundError:
            if not may_create:
                raise OperatorError(
                    f"store key: {path} is missing, so the encryption keys in the database can't be read. "
                    "Put the file back; to give up the old device, remove the database as well."
                ) from None
            create_key_file(path, _WHAT)
    raise OperatorError(f"store key: {path} disappears while it is used; start only one program with it.")


def _decoded(path: Path, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise OperatorError(f"store key: {path} does not hold 32 bytes in base64. Put back the file that was there.")
    return key
