"""Secret storage and recovery keys, against vectors that matrix-js-sdk made."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import decode_recovery_key, encode_recovery_key, load_recovery_key, save_recovery_key
from bridge.errors import OperatorError
from bridge.matrix.secret_storage import decrypt_secret, describe_key, encrypt_secret, is_key_of

# Made with: node tests/e2e/js/secret_storage_vectors.mjs
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "secret_storage.json").read_text("utf-8"))[
    "vectors"
]
KEYS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["recoveryKey"][:9])
def test_what_the_other_implementation_made_is_read(vector: dict[str, Any]) -> None:
    key = b64decode(vector["key"])
    assert encode_recovery_key(key) == vector["recoveryKey"]
    assert decode_recovery_key(vector["recoveryKey"]) == key
    assert is_key_of({"algorithm": "m.secret_storage.v1.aes-hmac-sha2", **vector["check"]}, key) is True
    for item in vector["items"]:
        assert decrypt_secret(item["name"], item["encrypted"], key) == item["plain"]
        # The same iv gives the same ciphertext and MAC, byte by byte.
        assert encrypt_secret(item["name"], item["plain"], key, b64decode(item["encrypted"]["iv"])) == item["encrypted"]


@given(KEYS, st.text(), st.text())
def test_a_secret_comes_back_under_its_key_and_name_only(key: bytes, name: str, secret: str) -> None:
    item = encrypt_secret(name, secret, key)
    assert decrypt_secret(name, item, key) == secret
    assert not b64decode(item["iv"])[8] & 0x80
    for other in ((name + "x", key), (name, bytes([key[0] ^ 1]) + key[1:])):
        with pytest.raises(ValueError, match="wrong key"):
            decrypt_secret(other[0], item, other[1])


@given(KEYS)
def test_a_key_is_recognised_by_its_description(key: bytes) -> None:
    description = describe_key(key)
    assert is_key_of(description, key) is True
    assert is_key_of(description, bytes([key[0] ^ 1]) + key[1:]) is False
    assert is_key_of({"algorithm": description["algorithm"]}, key) is None
    assert is_key_of({**description, "algorithm": "m.other"}, key) is False


@pytest.mark.hostile
@pytest.mark.parametrize(
    "item",
    [None, [], "x", {}, {"iv": 1, "ciphertext": "", "mac": ""}, {"iv": "AA", "ciphertext": "AA", "mac": "AA"},
     {"iv": "A" * 22, "ciphertext": "é", "mac": "A" * 43}, {"iv": "A" * 22, "ciphertext": "A" * 99_999, "mac": ""}],
)  # fmt: skip
def test_what_is_no_item_is_refused(item: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decrypt_secret("m.cross_signing.master", item, bytes(32))


@pytest.mark.hostile
@pytest.mark.parametrize("part", [{"iv": "AA"}, {"iv": 5}, {"mac": None}, {"mac": "é"}, {"iv": None, "mac": None}])
def test_a_strange_description_is_no_key(part: dict[str, Any]) -> None:
    assert is_key_of({**describe_key(bytes(32)), **part}, bytes(32)) is False


@given(KEYS, st.data())
def test_a_recovery_key_survives_writing_and_tells_typing_errors(key: bytes, data: st.DataObject) -> None:
    text = encode_recovery_key(key)
    assert decode_recovery_key("\n " + text.replace(" ", "") + "\r\n") == key
    at = data.draw(st.integers(0, len(text) - 1).filter(lambda i: text[i] != " "))
    sign = data.draw(st.sampled_from("0OIl-é").filter(lambda c: c != text[at]))
    with pytest.raises(ValueError, match=r".+"):
        decode_recovery_key(text[:at] + sign + text[at + 1 :])
    with pytest.raises(ValueError, match=r".+"):
        decode_recovery_key(text[:-1])


@pytest.mark.parametrize("text", ["", "1", "EsSz", "z" * 5000, "z" * 48, "EsSz ygLv VP1b xF1C v7kE eBQx MxDP"])
def test_what_is_no_recovery_key(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_recovery_key(text)


def test_the_file_of_a_recovery_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "recovery-key"
    assert load_recovery_key(path) is None
    key = bytes(range(32))
    save_recovery_key(path, key)
    assert load_recovery_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["recovery-key"]
    with pytest.raises(OperatorError, match="exists already"):
        save_recovery_key(path, bytes(32))
    assert load_recovery_key(path) == key
    path.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_recovery_key(path)
    path.chmod(0o600)
    path.write_bytes(b"\xff\xfe not a key")
    with pytest.raises(OperatorError, match="does not hold one"):
        load_recovery_key(path)
