"""Forgetting what opens old messages: keys of rooms, and sessions with somebody's devices. No I/O."""

from collections.abc import Collection

from bridge.ids import RoomId
from bridge.matrix.cryptostore import CryptoStore


def forget_rooms(store: CryptoStore, rooms: Collection[RoomId]) -> None:
    """Forget every key of these rooms, ours and those of others, and all Olm sessions with the devices that gave them:
    nothing that was said there can be read any more."""
    account = store.load_account()
    own = None if account is None else account.identity_keys["curve25519"]
    for room_id in rooms:
        store.drop_outbound(room_id)
        store.forgive(room_id=room_id)
    keys = [key for key in store.usage.used if key[0] in rooms]
    for key in keys:
        store.drop_group(key)
    for sender_key in {sender_key for _, sender_key, _ in keys if sender_key != own}:
        store.drop_sessions_of(sender_key)
    requests = store.load_outgoing_key_requests()
    for request in [request for request in requests.values() if request.room_id in rooms]:
        del requests[request.session_id]
        store.remove_outgoing_key_request(request)


def forget_sessions(store: CryptoStore, user_id: str) -> None:
    """Forget all Olm sessions with the devices of a user, and the room keys that they gave us, of whatever room."""
    for device in list(store.load_device_keys()[user_id].values()):
        store.drop_sessions_of(device.curve25519)


def forget_user(store: CryptoStore, user_id: str) -> None:
    """Forget a user whom we share no room with: their devices, and also who they were known as."""
    for device_id in list(store.load_device_keys()[user_id]):
        store.drop_device(user_id, device_id)
    store.forget_user(user_id)
