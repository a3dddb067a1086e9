"""What the bot's identity is like just now: its own keys beside what the homeserver says. Changes nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import OperatorError
from bridge.ids import UserId
from bridge.matrix.cross_signing import device_keys, public_key
from bridge.matrix.cryptostore import CryptoStore
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.identity import stored_keys
from bridge.matrix.own_devices import OwnDevices
from bridge.matrix.recovery import Recovery
from bridge.matrix.signing import verified

_CURVE = "signed_curve25519"
_COUNTS_ONLY = json.dumps(
    {"room": {"rooms": []}, "presence": {"types": []}, "account_data": {"types": []}}, separators=(",", ":")
)


@dataclass(slots=True)
class IdentityStatus:
    """The answer of `courtyard identity status`. None: not known, since something before it failed."""

    user_id: str
    device_id: str | None = None
    device_keys_on_server: bool | None = None
    device_keys_equal: bool | None = None
    identity: str | None = None
    """none, ours, foreign"""
    signed: bool | None = None
    one_time_keys: int | None = None
    fallback_keys: int | None = None
    recovery_possible: bool | None = None
    former_devices: list[str] = field(default_factory=list)
    key_backup: bool | None = None
    """Whether the account has a server-side key backup. The bot never makes one."""
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems


async def identity_status(
    homeserver: Homeserver, store: CryptoStore, recovery: Recovery, user_id: UserId, device_id: str | None
) -> IdentityStatus:
    """Look at the device that the store holds. The homeserver has its token already."""
    status = IdentityStatus(user_id, device_id)
    account = store.load_account()
    if device_id is None or account is None:
        status.problems.append("the bot has no device yet; start it once with `courtyard run`")
        return status
    status.former_devices = [d for d in OwnDevices(homeserver, store, user_id, None).ids() if d != device_id]
    try:
        query: dict[str, Any] = {"device_keys": {user_id: []}}
        answer = await homeserver.request("POST", "/_matrix/client/v3/keys/query", query)
        _identity(status, store, answer, user_id)
        _device(status, account.identity_keys, store, device_keys(answer, user_id, device_id), user_id)
        await _supply(status, homeserver)
        await _recovery(status, store, recovery)
        status.key_backup = await _has_backup(homeserver)
    except TokenRevoked:
        status.problems.append("the bot's device is signed out; with a password, the bot logs in again when it starts")
    except (Unreachable, TooLarge):
        status.problems.append("the homeserver can't be reached; check whether it is running")
    except MatrixError as error:
        status.problems.append(f"the homeserver refused a request ({error.errcode}); try again, look into its log")
    return status


def _identity(status: IdentityStatus, store: CryptoStore, answer: Mapping[str, Any], user_id: UserId) -> None:
    keys, theirs = stored_keys(store), public_key(answer, "master", user_id)
    if theirs is None:
        status.identity = "none"
        status.problems.append("the account has no cross-signing identity; the log of the last start says why")
    elif keys is None or keys.master.public != theirs:
        status.identity = "foreign"
        status.problems.append(
            "the account's cross-signing identity is not the bot's; see `courtyard identity recover` and `reset`"
        )
    else:
        status.identity = "ours"
        if not keys.are_published(answer, user_id):
            status.problems.append("the homeserver has not all of the identity's keys; the next start repairs it")


def _device(
    status: IdentityStatus,
    ours: Mapping[str, str],
    store: CryptoStore,
    theirs: dict[str, Any] | None,
    user_id: UserId,
) -> None:
    status.device_keys_on_server = theirs is not None
    status.device_keys_equal = status.signed = False
    if theirs is None:
        status.problems.append("the homeserver lacks the keys of the bot's device; the next start repairs it")
        return
    expected = {f"{kind}:{status.device_id}": ours[kind] for kind in ("curve25519", "ed25519")}
    status.device_keys_equal = theirs.get("keys") == expected
    if not status.device_keys_equal:
        status.problems.append("the homeserver has other keys for the bot's device; have the device signed out")
        return
    keys = stored_keys(store)
    if keys is not None and status.identity == "ours":
        signer = keys.self_signing.public
        status.signed = verified(theirs, user_id, signer, signer)
        if not status.signed:
            status.problems.append("the bot's device is not signed by its identity; the next start repairs it")


async def _supply(status: IdentityStatus, homeserver: Homeserver) -> None:
    # A sync without a token takes nothing away from the running bot: messages to the device stay until it has them.
    params = {"filter": _COUNTS_ONLY, "timeout": "0", "set_presence": "offline"}
    answer = await homeserver.request("GET", "/_matrix/client/v3/sync", params=params)
    counts, unused = answer.get("device_one_time_keys_count"), answer.get("device_unused_fallback_key_types")
    count = counts.get(_CURVE, 0) if isinstance(counts, dict) else None
    status.one_time_keys = count if isinstance(count, int) else None
    status.fallback_keys = int(_CURVE in unused) if isinstance(unused, list) else None
    if not status.one_time_keys and not status.fallback_keys:
        status.problems.append("new devices find no key to write to the bot with; a running bot repairs it at once")


async def _recovery(status: IdentityStatus, store: CryptoStore, recovery: Recovery) -> None:
    keys = stored_keys(store)
    status.recovery_possible = False
    if keys is None:
        return
    try:
        status.recovery_possible = await recovery.holds(keys.secrets())
    except OperatorError as error:
        status.problems.append(str(error))
        return
    if not status.recovery_possible and status.identity == "ours":
        status.problems.append("the identity is not in secret storage under the bot's recovery key; see the bot's log")


async def _has_backup(homeserver: Homeserver) -> bool:
    try:
        await homeserver.request("GET", "/_matrix/client/v3/room_keys/version")
    except MatrixError as error:
        if error.status == 404:
            return False
        raise
    return True
