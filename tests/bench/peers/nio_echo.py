"""A peer: an ordinary bot on matrix-nio that joins what it is invited to and answers `ping` with `pong`."""

from __future__ import annotations

import asyncio
import os

from nio import AsyncClient, AsyncClientConfig, InviteMemberEvent, MatrixRoom, RoomMessageText


async def main() -> None:
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    client = AsyncClient(
        os.environ["STUB_URL"], os.environ["STUB_USER"], store_path=os.environ["STUB_STORE"], config=config
    )

    async def invited(room: MatrixRoom, event: InviteMemberEvent) -> None:
        await client.join(room.room_id)

    async def said(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.body == "ping" and event.sender != client.user_id:
            content = {
                "msgtype": "m.text",
                "body": "pong",
                "m.relates_to": {"m.in_reply_to": {"event_id": event.event_id}},
            }
            await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    client.add_event_callback(invited, InviteMemberEvent)
    client.add_event_callback(said, RoomMessageText)
    await client.login("password")
    if client.should_upload_keys:
        await client.keys_upload()
    print("READY", flush=True)
    try:
        await client.sync_forever(timeout=30_000, full_state=True)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
