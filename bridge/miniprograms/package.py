"""A program in one file that can be handed on: its manifest and code as JSON, and who signed exactly these bytes.

`{"courtyard": "package/1", "payload": TEXT, "signatures": [{"key": …, "signature": …}]}`, where the payload is the
text of `{"manifest": …, "files": {…}}`. Signatures are Ed25519 (RFC 8032) over a fixed prefix and the payload's bytes:
nothing has to be brought into a canonical form before it can be checked.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints, ValidationError

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import strict_json
from bridge.miniprograms.faults import Fault, Faulty, faults_of
from bridge.miniprograms.manifest import Manifest, inconsistencies
from bridge.miniprograms.program import Program
from bridge.miniprograms.values import Value

SUFFIX = ".mp"
_PREFIX = b"courtyard package 1\n"
_OVERHEAD = 65_536
"""Bytes that the manifest and the signatures may take."""
_MAX_SIGNATURES = 10


class _Signature(Value):
    key: Annotated[str, StringConstraints(max_length=100)]
    signature: Annotated[str, StringConstraints(max_length=100)]


class _Envelope(Value):
    courtyard: Literal["package/1"]
    payload: str
    signatures: tuple[_Signature, ...] = Field(max_length=_MAX_SIGNATURES)


class _Payload(Value):
    manifest: Manifest
    files: dict[str, str] = Field(max_length=1)


@dataclass(frozen=True, slots=True)
class Package:
    """What is in a file, all of it checked."""

    program: Program
    payload: str
    signers: tuple[str, ...]
    """The keys whose signatures are right, each `ed25519:…`; a wrong one would have been refused."""
    signatures: tuple[tuple[str, str], ...]


def pack(program: Program) -> bytes:
    """The file for a program, not signed yet. The same program gives the same bytes."""
    main = program.manifest.main
    manifest = program.manifest.model_dump(mode="json", exclude_defaults=True)
    files = {} if main is None else {main: program.source}
    payload = strict_json.dump({"manifest": manifest, "files": files}).decode()
    return _written(payload, ())


def sign(raw: bytes, key: Ed25519PrivateKey, limits: MiniProgramsConfig) -> bytes:
    """The same file with one more signature; one by the same key is replaced."""
    package = read(raw, limits)
    name = public_name(key.public_key())
    made = base64.b64encode(key.sign(_PREFIX + package.payload.encode("utf-8"))).decode("ascii")
    others = [entry for entry in package.signatures if entry[0] != name]
    return _written(package.payload, [*others, (name, made)])


def read(raw: bytes, limits: MiniProgramsConfig) -> Package:
    """The package that `raw` is.

    Raises:
        Faulty: it is none, something in it is wrong, or a signature does not belong to it.
    """
    room = 2 * limits.bundle_bytes + _OVERHEAD
    document = strict_json.parse(raw, room)
    try:
        envelope = _Envelope.model_validate_json(strict_json.dump(document))
    except ValidationError as error:
        raise Faulty(faults_of(error, _Envelope)) from None
    inner = strict_json.parse(envelope.payload.encode("utf-8"), room)
    try:
        payload = _Payload.model_validate_json(strict_json.dump(inner))
    except ValidationError as error:
        raise Faulty(faults_of(error, _Payload)) from None
    faults = [Fault(f"manifest.{'.'.join(where)}", what) for where, what in inconsistencies(payload.manifest)]
    main = payload.manifest.main
    source = "" if main is None else payload.files.get(main)
    if main is None and payload.files:
        faults.append(Fault("files", "a program on a server has no code; leave url away, or the file"))
    if source is None:
        faults.append(Fault("files", "the file that main names is missing"))
    elif len(source.encode("utf-8")) > limits.bundle_bytes:
        faults.append(Fault("files", f"the code is larger than {limits.bundle_bytes} bytes"))
    for index, entry in enumerate(envelope.signatures):
        if not _belongs(entry, envelope.payload):
            faults.append(Fault(f"signatures[{index}]", "does not belong to this package; it was changed since"))
    if faults or source is None:
        raise Faulty(faults)
    signatures = tuple((entry.key, entry.signature) for entry in envelope.signatures)
    signers = tuple(dict.fromkeys(key for key, _ in signatures))
    return Package(Program(payload.manifest, source), envelope.payload, signers, signatures)


def program_in(payload: str) -> Program:
    """The program of a package that was read before: of its `payload`."""
    read = _Payload.model_validate_json(payload)
    main = read.manifest.main
    return Program(read.manifest, "" if main is None else read.files[main])


def public_name(key: Ed25519PublicKey) -> str:
    """How a key is written: `ed25519:` and its 32 bytes as base64."""
    return "ed25519:" + base64.b64encode(key.public_bytes_raw()).decode("ascii")


def _belongs(entry: _Signature, payload: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(entry.key.removeprefix("ed25519:"), validate=True))
        if entry.key != public_name(key):
            return False
        key.verify(base64.b64decode(entry.signature, validate=True), _PREFIX + payload.encode("utf-8"))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _written(payload: str, signatures: Sequence[tuple[str, str]]) -> bytes:
    listed = [{"key": key, "signature": made} for key, made in signatures]
    return strict_json.dump({"courtyard": "package/1", "payload": payload, "signatures": listed}) + b"\n"
