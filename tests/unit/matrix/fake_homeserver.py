"""A homeserver small enough to be read: it keeps keys and hands them out, and records what it is asked."""

from __future__ import annotations

from typing import Any

from bridge.matrix.http import Homeserver, Unreachable


class FakeHomeserver(Homeserver):
    """Answers the key endpoints for any number of devices, and whatever `answers` holds by path."""

    def __init__(self) -> None:
        self.base_url = "http://127.0.0.1"
        self.token = "token"
        self.device_keys: dict[str, dict[str, Any]] = {}
        self.one_time_keys: dict[tuple[str, str], dict[str, Any]] = {}
        self.failures: set[str] = set()
        """Servers that do not answer."""
        self.broken: set[str] = set()
        """Parts of paths: requests to them never arrive."""
        self.requests: list[tuple[str, str, Any]] = []
        self.to_device: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.sent: list[dict[str, Any]] = []
        """Contents of room events."""

    def add_device(self, upload: dict[str, Any]) -> None:
        """Take the body of a `POST /keys/upload`."""
        keys = upload["device_keys"]
        user, device = keys["user_id"], keys["device_id"]
        self.device_keys.setdefault(user, {})[device] = keys
        self.one_time_keys[(user, device)] = dict(upload["one_time_keys"])

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        self.requests.append((method, path, body))
        if any(part in path for part in self.broken):
            raise Unreachable("broken")
        if path in self.answers:
            return self.answers[path]
        if path.endswith("/keys/query"):
            users = [u for u in body["device_keys"] if u.partition(":")[2] not in self.failures]
            return {
                "device_keys": {u: self.device_keys.get(u, {}) for u in users},
                "failures": {server: {} for server in self.failures},
            }
        if path.endswith("/keys/claim"):
            claimed: dict[str, dict[str, Any]] = {}
            for user, devices in body["one_time_keys"].items():
                for device in devices:
                    keys = self.one_time_keys.get((user, device), {})
                    if keys and user.partition(":")[2] not in self.failures:
                        key_id = next(iter(keys))
                        claimed.setdefault(user, {})[device] = {key_id: keys.pop(key_id)}
            return {"one_time_keys": claimed, "failures": {}}
        if "/sendToDevice/" in path:
            self.to_device.append(body["messages"])
            return {}
        if "/send/" in path:
            self.sent.append(body)
            return {"event_id": f"$sent{len(self.sent)}"}
        return {}
