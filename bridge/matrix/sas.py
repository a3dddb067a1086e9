"""Short authentication string verification, one flow seen from one side: a state machine without I/O.

Spec (client-server API): "Key verification framework" and "Short Authentication String (SAS) verification". Messages go
in by `receive`; what has to be sent comes out, in order. Whatever comes in, nothing is raised and nothing grows: a flow
ends done or cancelled, and is deaf from then on. The curve and the hashes are vodozemac's.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import vodozemac

from bridge.matrix import sas_values
from bridge.matrix.sas_values import (
    ACCEPT,
    CANCEL,
    DONE,
    KEY,
    MAC,
    METHOD,
    READY,
    START,
    Code,
    Flow,
    Outcome,
    Party,
    Send,
    ShortAuth,
)
from bridge.matrix.signing import unpadded

_AGREEMENT = "curve25519-hkdf-sha256"
_HASH = "sha256"
_MACS = ("hkdf-hmac-sha256.v2", "hkdf-hmac-sha256")
"""In the order of preference. The second has libolm's wrong base64 and is used only with who knows nothing else."""
_SHOWN = ("decimal", "emoji")

_MAX_CONTENT = 16_384
_MAX_LIST = 50
_MAX_KEYS = 50
_MAX_TEXT = 512


class Step(Enum):
    """What a flow waits for."""

    REQUESTED = auto()
    """Our answer to their request."""
    READY = auto()
    """A start, by either side."""
    STARTED = auto()
    """Their accept: we sent the start."""
    ACCEPTED = auto()
    """Their key: they sent the start, we accepted."""
    KEYED = auto()
    """Their key: we sent the start, and our key."""
    COMPARING = auto()
    """The MACs: the short authentication string is known."""
    CONCLUDING = auto()
    """Their done."""
    OVER = auto()


class _Refuse(Exception):
    def __init__(self, code: Code) -> None:
        self.code = code


class Sas:
    """One verification by short authentication string."""

    def __init__(
        self,
        flow: Flow,
        ours: Party,
        theirs: Party,
        *,
        step: Step = Step.REQUESTED,
        requested: bool = True,
        automatic: bool = False,
    ) -> None:
        """`step`: REQUESTED where they sent the request, READY where there was none or it has been answered.

        `requested`: False for a flow that a start alone began (deprecated in the spec): it ends with the MACs.
        `automatic`: confirm as soon as the other side has confirmed, without anybody looking.
        """
        self.flow = flow
        self.ours = ours
        self.theirs = theirs
        self.step = step
        self.automatic = automatic
        self.requested = requested
        self.short_auth: ShortAuth | None = None
        self.outcome: Outcome | None = None
        self._we_started = False
        self._crossed = False
        self._confirmed = False
        self._start: dict[str, Any] = {}
        self._commitment = ""
        self._mac_method = ""
        self._emoji = False
        self._own: vodozemac.Sas | None = None
        self._own_key = ""
        self._shared: vodozemac.EstablishedSas | None = None
        self._their_mac: dict[str, str] | None = None
        self._seen: set[bytes] = set()

    # --- what we do ---
    def answer(self, methods: object) -> list[Send]:
        """Answer their request, which offered `methods`."""
        if self.step is not Step.REQUESTED:
            return []
        if not isinstance(methods, list) or len(methods) > _MAX_LIST:
            return self.cancel(Code.INVALID)
        if METHOD not in methods:
            return self.cancel(Code.UNKNOWN_METHOD)
        self.step = Step.READY
        return [self._send(READY, {"from_device": self.ours.device_id, "methods": [METHOD]})]

    def start(self) -> list[Send]:
        """Send the start, unless there is one already."""
        if self.step is not Step.READY:
            return []
        self._we_started = True
        self._start = self.flow.stamp(
            {
                "from_device": self.ours.device_id,
                "method": METHOD,
                "key_agreement_protocols": [_AGREEMENT],
                "hashes": [_HASH],
                "message_authentication_codes": list(_MACS),
                "short_authentication_string": list(_SHOWN),
            }
        )
        self.step = Step.STARTED
        return [Send(START, dict(self._start))]

    def confirm(self) -> list[Send]:
        """The short authentication strings are the same: vouch for our keys (spec: "MAC calculation")."""
        if self.step is not Step.COMPARING or self._confirmed:
            return []
        self._confirmed = True
        info = _mac_info(self.ours, self.theirs, self.flow)
        macs = {key_id: self._calculate(key, info + key_id) for key_id, key in self.ours.keys.items()}
        keys = self._calculate(",".join(sorted(macs)), info + "KEY_IDS")
        return [self._send(MAC, {"mac": macs, "keys": keys}), *self._conclude()]

    def cancel(self, code: Code) -> list[Send]:
        """End the flow and tell the other side."""
        if self.step is Step.OVER:
            return []
        self._end(Outcome(False, code.code))
        return [self.flow.cancel(code)]

    def time_out(self) -> list[Send]:
        """Nothing came for too long."""
        if self.step is Step.CONCLUDING:
            # Both have confirmed and every MAC was right: only the last message, which says no more, is missing.
            self._finish()
            return []
        return self.cancel(Code.TIMEOUT)

    # --- what they do ---
    def receive(self, kind: str, content: Mapping[str, Any]) -> list[Send]:
        """Take a message of the other side; `kind` is its event type. What is repeated word for word is ignored."""
        if self.step is Step.OVER:
            return []
        if kind == CANCEL:
            code = content.get("code")
            self._end(Outcome(False, code if isinstance(code, str) and len(code) <= 64 else None, by_us=False))
            return []
        try:
            written = _canonical(content)
            mark = hashlib.sha256(kind.encode("utf-8", "replace") + b"\0" + written).digest()
            if mark in self._seen:
                return []
            # What is taken leads on, what is not ends the flow: the set stays small.
            self._seen.add(mark)
            match kind:
                case sas_values.START:
                    return self._on_start(content, written)
                case sas_values.ACCEPT:
                    return self._on_accept(content)
                case sas_values.KEY:
                    return self._on_key(content)
                case sas_values.MAC:
                    return self._on_mac(content)
                case sas_values.DONE:
                    return self._on_done()
            raise _Refuse(Code.UNEXPECTED)
        except _Refuse as refusal:
            return self.cancel(refusal.code)

    def _on_start(self, content: Mapping[str, Any], written: bytes) -> list[Send]:
        if self.step not in (Step.READY, Step.STARTED) or content.get("from_device") != self.theirs.device_id:
            raise _Refuse(Code.UNEXPECTED)
        if content.get("method") != METHOD:
            raise _Refuse(Code.UNEXPECTED if self.step is Step.STARTED else Code.UNKNOWN_METHOD)
        if self.step is Step.STARTED and self.ours.order < self.theirs.order:
            if self._crossed:
                raise _Refuse(Code.UNEXPECTED)
            self._crossed = True
            return []  # both sent one: that of the smaller id counts, and they will see the same
        agreements, hashes = _texts(content, "key_agreement_protocols"), _texts(content, "hashes")
        macs, shown = _texts(content, "message_authentication_codes"), _texts(content, "short_authentication_string")
        method = next((m for m in _MACS if m in macs), None)
        both = [s for s in _SHOWN if s in shown]
        if _AGREEMENT not in agreements or _HASH not in hashes or method is None or not both:
            raise _Refuse(Code.UNKNOWN_METHOD)
        self._we_started = False
        self._mac_method = method
        self._emoji = "emoji" in both
        self._make_key()
        self.step = Step.ACCEPTED
        return [
            self._send(
                ACCEPT,
                {
                    "method": METHOD,
                    "key_agreement_protocol": _AGREEMENT,
                    "hash": _HASH,
                    "message_authentication_code": method,
                    "short_authentication_string": both,
                    "commitment": commitment(self._own_key, written),
                },
            )
        ]

    def _on_accept(self, content: Mapping[str, Any]) -> list[Send]:
        if self.step is not Step.STARTED:
            raise _Refuse(Code.UNEXPECTED)
        method, promised = content.get("message_authentication_code"), content.get("commitment")
        shown = _texts(content, "short_authentication_string")
        if not isinstance(promised, str) or len(promised) > _MAX_TEXT:
            raise _Refuse(Code.INVALID)
        if (
            content.get("key_agreement_protocol") != _AGREEMENT
            or content.get("hash") != _HASH
            or method not in _MACS
            or not shown
            or not set(shown) <= set(_SHOWN)
        ):
            raise _Refuse(Code.UNKNOWN_METHOD)
        self._mac_method = str(method)
        self._emoji = "emoji" in shown
        self._commitment = promised
        self._make_key()
        self.step = Step.KEYED
        return [self._send(KEY, {"key": self._own_key})]

    def _on_key(self, content: Mapping[str, Any]) -> list[Send]:
        if self.step not in (Step.ACCEPTED, Step.KEYED):
            raise _Refuse(Code.UNEXPECTED)
        text = content.get("key")
        if not isinstance(text, str) or len(text) > _MAX_TEXT:
            raise _Refuse(Code.INVALID)
        try:
            key = vodozemac.Curve25519PublicKey.from_base64(text)
        except ValueError:
            raise _Refuse(Code.INVALID) from None
        theirs = key.to_base64()
        if self.step is Step.KEYED and not _same(self._commitment, commitment(theirs, _canonical(self._start))):
            raise _Refuse(Code.COMMITMENT)
        assert self._own is not None
        try:
            self._shared = self._own.diffie_hellman(key)
        except ValueError:  # a point of low order: everybody could know the result
            raise _Refuse(Code.INVALID) from None
        self._own = None
        first, second = (self._own_key, theirs) if self._we_started else (theirs, self._own_key)
        starter, other = (self.ours, self.theirs) if self._we_started else (self.theirs, self.ours)
        secret = self._shared.bytes(sas_info(starter, first, other, second, self.flow))
        a, b, c = secret.decimals
        self.short_auth = ShortAuth(tuple(secret.emoji_indices) if self._emoji else None, (a, b, c))
        answer = [] if self._we_started else [self._send(KEY, {"key": self._own_key})]
        self.step = Step.COMPARING
        return answer

    def _on_mac(self, content: Mapping[str, Any]) -> list[Send]:
        if self.step is not Step.COMPARING or self._their_mac is not None:
            raise _Refuse(Code.UNEXPECTED)
        macs, keys = content.get("mac"), content.get("keys")
        if not isinstance(macs, dict) or not isinstance(keys, str) or not 0 < len(macs) <= _MAX_KEYS:
            raise _Refuse(Code.INVALID)
        if not all(isinstance(k, str) and len(k) <= _MAX_TEXT and isinstance(m, str) for k, m in macs.items()):
            raise _Refuse(Code.INVALID)
        info = _mac_info(self.theirs, self.ours, self.flow)
        if not self._matches(keys, ",".join(sorted(macs)), info + "KEY_IDS"):
            raise _Refuse(Code.KEY_MISMATCH)
        # Keys that we don't know (another device of theirs) say nothing, and are passed over.
        known = {key_id: self.theirs.keys[key_id] for key_id in macs if key_id in self.theirs.keys}
        if not known or not all(self._matches(macs[k], key, info + k) for k, key in known.items()):
            raise _Refuse(Code.KEY_MISMATCH)
        self._their_mac = known
        if self._confirmed:
            return self._conclude()
        return self.confirm() if self.automatic else []

    def _on_done(self) -> list[Send]:
        if self.step is not Step.CONCLUDING:
            raise _Refuse(Code.UNEXPECTED)
        self._finish()
        return []

    # --- within ---
    def _conclude(self) -> list[Send]:
        if self._their_mac is None:
            return []
        self.step = Step.CONCLUDING
        if not self.requested:
            self._finish()  # such clients say no done, and don't mind one
        return [self._send(DONE, {})]

    def _finish(self) -> None:
        self._end(Outcome(True, verified=self._their_mac or {}))

    def _end(self, outcome: Outcome) -> None:
        self.step = Step.OVER
        self.outcome = outcome
        self._own = self._shared = None
        self._seen.clear()

    def _make_key(self) -> None:
        self._own = vodozemac.Sas()
        self._own_key = self._own.public_key.to_base64()

    def _send(self, kind: str, content: dict[str, Any]) -> Send:
        return Send(kind, self.flow.stamp(content))

    def _calculate(self, text: str, info: str) -> str:
        assert self._shared is not None
        if self._mac_method == _MACS[0]:
            return self._shared.calculate_mac(text, info)
        return self._shared.calculate_mac_invalid_base64(text, info)

    def _matches(self, mac: str, text: str, info: str) -> bool:
        try:
            return _same(mac, self._calculate(text, info))
        except ValueError:  # text that is no UTF-8
            return False


def commitment(key: str, start: bytes) -> str:
    """The promise of a public key: SHA-256 of it (unpadded base64) and of the canonical JSON of the start's content,
    as unpadded base64 (spec: "m.key.verification.accept")."""
    return unpadded(hashlib.sha256(key.encode() + start).digest())


def sas_info(starter: Party, first: str, other: Party, second: str, flow: Flow) -> str:
    """Info for the bytes of the short authentication string (spec: "SAS HKDF calculation"). `first` is the public key
    of who sent the start, `second` that of who accepted."""
    parts = (starter.user_id, starter.device_id, first, other.user_id, other.device_id, second, flow.id)
    return "MATRIX_KEY_VERIFICATION_SAS|" + "|".join(parts)


def _mac_info(sender: Party, receiver: Party, flow: Flow) -> str:
    """Info for the MACs that `sender` makes, without the key id at its end (spec: "MAC calculation")."""
    parts = (sender.user_id, sender.device_id, receiver.user_id, receiver.device_id, flow.id)
    return "MATRIX_KEY_VERIFICATION_MAC" + "".join(parts)


def _canonical(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON (spec: appendix "Canonical JSON") of a whole content."""
    try:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        raise _Refuse(Code.INVALID) from None
    if len(text) > _MAX_CONTENT:
        raise _Refuse(Code.INVALID)
    return text.encode("utf-8", "replace")


def _texts(content: Mapping[str, Any], key: str) -> list[str]:
    value = content.get(key)
    if not isinstance(value, list) or len(value) > _MAX_LIST or not all(isinstance(item, str) for item in value):
        raise _Refuse(Code.INVALID)
    return value


def _same(one: str, other: str) -> bool:
    """Compare two texts in base64, padded or not, in constant time."""
    return hmac.compare_digest(one.rstrip("=").encode("utf-8", "replace"), other.rstrip("=").encode())
