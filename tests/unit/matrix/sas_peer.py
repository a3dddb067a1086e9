"""The other side of a verification over libolm's SAS: an implementation that shares nothing with the bot's.

Written from the spec ("Short Authentication String (SAS) verification"), with JSON, hashes and infos of its own.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import Any

from olm.sas import Sas as OlmSas

V2, OLD = "hkdf-hmac-sha256.v2", "hkdf-hmac-sha256"


def canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def commitment(key: str, start: dict[str, Any]) -> str:
    return b64encode(hashlib.sha256((key + canonical(start)).encode()).digest()).decode().rstrip("=")


class SasPeer:
    """A person's client. Contents carry the flow's `transaction_id`."""

    def __init__(
        self,
        flow: str,
        me: tuple[str, str],
        bot: tuple[str, str],
        keys: dict[str, str],
        bots_keys: dict[str, str],
        macs: tuple[str, ...] = (V2, OLD),
        shown: tuple[str, ...] = ("decimal", "emoji"),
    ) -> None:
        """`me`, `bot`: user and device. `keys`: by key id."""
        self.flow, self.me, self.bot = flow, me, bot
        self.keys, self.bots_keys = keys, bots_keys
        self.macs, self.shown = macs, shown
        self.sas = OlmSas()
        self.mac = ""
        self._start: dict[str, Any] = {}
        self._promised = ""
        self._i_started = True

    def say(self, **content: Any) -> dict[str, Any]:
        return {**content, "transaction_id": self.flow}

    def request(self, timestamp: int, methods: tuple[str, ...] = ("m.sas.v1",)) -> dict[str, Any]:
        return self.say(from_device=self.me[1], methods=list(methods), timestamp=timestamp)

    # --- as the one who starts ---
    def start(self) -> dict[str, Any]:
        self._start = self.say(
            from_device=self.me[1],
            method="m.sas.v1",
            key_agreement_protocols=["curve25519-hkdf-sha256", "curve25519"],
            hashes=["sha256"],
            message_authentication_codes=list(self.macs),
            short_authentication_string=list(self.shown),
        )
        return self._start

    def accepted(self, accept: dict[str, Any]) -> dict[str, Any]:
        """Take the bot's accept; our key."""
        assert accept["method"] == "m.sas.v1"
        assert (accept["key_agreement_protocol"], accept["hash"]) == ("curve25519-hkdf-sha256", "sha256")
        self.mac, self._promised = accept["message_authentication_code"], accept["commitment"]
        return self.key()

    # --- as the one who accepts ---
    def accept(self, start: dict[str, Any]) -> dict[str, Any]:
        self._i_started, self._start = False, start
        self.mac = next(mac for mac in self.macs if mac in start["message_authentication_codes"])
        return self.say(
            method="m.sas.v1",
            key_agreement_protocol="curve25519-hkdf-sha256",
            hash="sha256",
            message_authentication_code=self.mac,
            short_authentication_string=list(self.shown),
            commitment=commitment(self.sas.pubkey, start),
        )

    # --- both ---
    def key(self) -> dict[str, Any]:
        return self.say(key=self.sas.pubkey)

    def take_key(self, content: dict[str, Any]) -> None:
        if self._i_started:
            assert self._promised == commitment(content["key"], self._start), "the key is not the one promised"
        self.their_key = content["key"]
        self.sas.set_their_pubkey(content["key"])

    def _bytes(self, count: int) -> int:
        mine, theirs = (*self.me, self.sas.pubkey), (*self.bot, self.their_key)
        sides = (mine, theirs) if self._i_started else (theirs, mine)
        info = "|".join(["MATRIX_KEY_VERIFICATION_SAS", *sides[0], *sides[1], self.flow])
        return int.from_bytes(self.sas.generate_bytes(info, count), "big")

    def emoji(self) -> tuple[int, ...]:
        bits = self._bytes(6) >> 6  # 42 of 48 bits
        return tuple(bits >> 6 * n & 63 for n in range(6, -1, -1))

    def decimals(self) -> tuple[int, ...]:
        bits = self._bytes(5) >> 1  # 39 of 40 bits
        return tuple((bits >> 13 * n & 0x1FFF) + 1000 for n in (2, 1, 0))

    def _calculate(self, text: str, info: str) -> str:
        calculate = self.sas.calculate_mac_fixed_base64 if self.mac == V2 else self.sas.calculate_mac
        return str(calculate(text, info))

    def macs_of_mine(self) -> dict[str, Any]:
        info = "MATRIX_KEY_VERIFICATION_MAC" + "".join((*self.me, *self.bot, self.flow))
        macs = {key_id: self._calculate(key, info + key_id) for key_id, key in self.keys.items()}
        return self.say(mac=macs, keys=self._calculate(",".join(sorted(macs)), info + "KEY_IDS"))

    def check_macs(self, content: dict[str, Any]) -> None:
        """Whether the bot vouches for exactly its keys."""
        info = "MATRIX_KEY_VERIFICATION_MAC" + "".join((*self.bot, *self.me, self.flow))
        assert content["mac"].keys() == self.bots_keys.keys()
        for key_id, mac in content["mac"].items():
            assert mac == self._calculate(self.bots_keys[key_id], info + key_id)
        assert content["keys"] == self._calculate(",".join(sorted(content["mac"])), info + "KEY_IDS")
