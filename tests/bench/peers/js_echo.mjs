// A peer: an ordinary bot on matrix-js-sdk (Rust crypto) that joins what it is invited to and answers `ping` with `pong`.

import process from "node:process";

for (const level of ["log", "debug", "info", "warn", "trace"]) console[level] = () => {};
const modules = new URL("../../e2e/js/node_modules/matrix-js-sdk/lib/", import.meta.url);
const { ClientEvent, RoomEvent, RoomMemberEvent, createClient } = await import(new URL("index.js", modules));
const { MatrixEventEvent } = await import(new URL("models/event.js", modules));
const { SyncState } = await import(new URL("sync.js", modules));

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };
const { STUB_URL: baseUrl, STUB_USER: userId } = process.env;
const session = await createClient({ baseUrl, logger: quiet }).loginRequest({
    type: "m.login.password",
    identifier: { type: "m.id.user", user: userId },
    password: "password",
});
const client = createClient({
    baseUrl,
    userId,
    deviceId: session.device_id,
    accessToken: session.access_token,
    logger: quiet,
});
await client.initRustCrypto({ useIndexedDB: false });

client.on(RoomMemberEvent.Membership, (event, member) => {
    if (member.userId === userId && member.membership === "invite") void client.joinRoom(member.roomId);
});

function heard(event) {
    if (event.getSender() === userId || event.getContent().body !== "ping") return;
    const content = {
        msgtype: "m.text",
        body: "pong",
        "m.relates_to": { "m.in_reply_to": { event_id: event.getId() } },
    };
    void client.sendEvent(event.getRoomId(), "m.room.message", content);
}
client.on(RoomEvent.Timeline, (event, _room, _toStart, _removed, { liveEvent }) => {
    if (!liveEvent) return;
    if (event.isBeingDecrypted() || event.isEncrypted() && !event.getClearContent()) event.once(MatrixEventEvent.Decrypted, heard);
    else heard(event);
});
client.on(ClientEvent.Sync, (state) => {
    if (state === SyncState.Prepared) process.stdout.write("READY\n");
});
process.on("SIGTERM", () => process.exit(0));
await client.startClient({ initialSyncLimit: 1, disablePresence: true });
