"""A peer: an ordinary bot on mautrix that joins what it is invited to and answers `ping` with `pong`."""

from __future__ import annotations

import asyncio
import os

from mautrix.client import Client, InternalEventType, MembershipEventDispatcher
from mautrix.client.state_store.asyncpg import PgStateStore
from mautrix.crypto import OlmMachine, PgCryptoStore
from mautrix.types import (
    EventType,
    Membership,
    MessageEvent,
    MessageType,
    RoomID,
    StateEvent,
    TextMessageEventContent,
    UserID,
)
from mautrix.util.async_db import Database


class StateStore(PgStateStore):
    """The library's store of rooms, with what its encryption asks of it as well."""

    async def find_shared_rooms(self, user_id: UserID) -> list[RoomID]:
        rows = await self.db.fetch(
            "SELECT room_id FROM mx_user_profile JOIN mx_room_state USING (room_id)"
            " WHERE user_id = $1 AND membership = 'join' AND is_encrypted",
            user_id,
        )
        return [row["room_id"] for row in rows]


async def main() -> None:
    path = os.path.join(os.environ["STUB_STORE"], "mautrix.db")
    database = Database.create(f"sqlite:///{path}", upgrade_table=PgCryptoStore.upgrade_table)
    await database.start()
    await PgStateStore.upgrade_table.upgrade(database)
    state_store = StateStore(database)
    crypto_store = PgCryptoStore(account_id=os.environ["STUB_USER"], pickle_key="pickle", db=database)
    client = Client(
        mxid=os.environ["STUB_USER"],
        base_url=os.environ["STUB_URL"],
        sync_store=crypto_store,
        state_store=state_store,
    )
    await client.login(password="password", device_name="mautrix")
    crypto_store.account_id = str(client.mxid)
    await crypto_store.open()
    await crypto_store.put_device_id(client.device_id)
    crypto = OlmMachine(client, crypto_store, state_store)
    client.crypto = crypto
    await crypto.load()

    async def invited(event: StateEvent) -> None:
        if event.state_key == client.mxid and event.content.membership == Membership.INVITE:
            await client.join_room_by_id(event.room_id)

    async def said(event: MessageEvent) -> None:
        if event.sender != client.mxid and event.content.body == "ping":
            content = TextMessageEventContent(msgtype=MessageType.TEXT, body="pong")
            content.set_reply(event)
            await client.send_message(event.room_id, content)

    client.add_dispatcher(MembershipEventDispatcher)
    client.add_event_handler(InternalEventType.INVITE, invited)
    client.add_event_handler(EventType.ROOM_MESSAGE, said)
    await crypto.share_keys()
    syncing = client.start(None)
    print("READY", flush=True)
    await syncing


if __name__ == "__main__":
    asyncio.run(main())
