"""Packages: what was signed is what is read, and every change shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import package
from bridge.miniprograms.faults import Faulty
from tests.sandbox.made import program

LIMITS = MiniProgramsConfig()
PROGRAM = program("function handle(event) { return { state: null, effects: [] } } // ✓", domains=("api.example.org",))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def signed() -> bytes:
    return package.sign(package.pack(PROGRAM), KEY, LIMITS)


def refused(raw: bytes) -> str:
    with pytest.raises(Faulty) as caught:
        package.read(raw, LIMITS)
    return str(caught.value)


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(signed()), **changes}).encode()


def test_it_comes_back_as_it_was_and_names_its_signers() -> None:
    raw = package.sign(signed(), OTHER, LIMITS)
    read = package.read(raw, LIMITS)
    assert read.program == PROGRAM
    assert read.signers == (package.public_name(KEY.public_key()), package.public_name(OTHER.public_key()))
    assert package.read(package.pack(PROGRAM), LIMITS).signers == ()


def test_the_same_program_gives_the_same_bytes() -> None:
    assert package.pack(PROGRAM) == package.pack(PROGRAM)
    assert signed() == package.sign(signed(), KEY, LIMITS)


def test_a_known_signature() -> None:
    """RFC 8032 over the prefix and the payload: anybody can check it without this program."""
    document = json.loads(signed())
    made = document["signatures"][0]["signature"]
    import base64

    KEY.public_key().verify(base64.b64decode(made), b"courtyard package 1\n" + document["payload"].encode())


def test_a_payload_that_was_changed_is_refused() -> None:
    payload = json.loads(signed())["payload"]
    assert "state: null" in payload
    assert "signatures[0]: does not belong" in refused(changed(payload=payload.replace("state: null", "state: 1")))


@pytest.mark.hostile
@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": [{"key": "ed25519:AAAA", "signature": ""}]},
        {"signatures": [{"key": "rsa:x", "signature": "x"}]},
        {"signatures": [{"key": "ed25519:" + "A" * 43 + "=", "signature": "A" * 86 + "=="}]},
        {"signatures": [{"key": "é", "signature": "é"}]},
        {"signatures": [{}] * 11},
        {"payload": "{}"},
        {"payload": "[" * 1000},
        {"payload": '{"manifest": {}, "files": {}}'},
        {"courtyard": "package/2"},
        {"more": 1},
    ],
)
def test_what_is_none_is_refused(changes: dict[str, Any]) -> None:
    assert refused(changed(**changes))


def test_the_code_that_main_names_is_in_it() -> None:
    payload = json.loads(json.loads(signed())["payload"])
    payload["files"] = {"other.js": "1"}
    assert "files: the file that main names is missing" in refused(changed(payload=json.dumps(payload), signatures=[]))


def test_it_may_not_be_too_large() -> None:
    large = program("x" * 300_000)
    assert "larger than 262144 bytes" in refused(package.pack(large))
    assert "larger than" in refused(b" " * 1_000_000)
