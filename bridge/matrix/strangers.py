"""Devices that nobody has vouched for: anybody may write to us, and what they leave here is bounded."""

from collections import Counter, OrderedDict
from collections.abc import Iterable


class Strangers:
    """Keys of devices that have Olm sessions here and are not known as anybody's, with who wrote; oldest first."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict.fromkeys(keys, "")  # who wrote is not written down

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, sender_key: str) -> bool:
        return sender_key in self._owners

    def met(self, owner: str, sender_key: str) -> None:
        """Somebody has shown that a device is theirs."""
        self._owners.pop(sender_key, None)
        self._owners[sender_key] = owner

    def forget(self, sender_key: str) -> None:
        self._owners.pop(sender_key, None)

    def first_to_go(self) -> str:
        """The oldest device of whoever has the most, on the server that has the most: who brings many makes room for
        them, and nobody else."""
        servers = Counter(owner.partition(":")[2] for owner in self._owners.values())
        ((server, _),) = servers.most_common(1)
        owners = Counter(owner for owner in self._owners.values() if owner.partition(":")[2] == server)
        ((most, _),) = owners.most_common(1)
        return next(key for key, owner in self._owners.items() if owner == most)
