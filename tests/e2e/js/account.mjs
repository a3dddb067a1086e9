// What a person does with a Matrix client, as methods that a request may call.

import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { EventStatus } from "matrix-js-sdk";

import { decryptAttachment, dimensions, encryptAttachment } from "./media.mjs";
import { RETRY_MS, TIMELINE_LIMIT, retryDelay, retrying } from "./session.mjs";
import { Verifying } from "./verification.mjs";
import { viewOf } from "./view.mjs";

const ENCRYPTION = {
    type: "m.room.encryption",
    state_key: "",
    content: { algorithm: "m.megolm.v1.aes-sha2" },
};

export class Account extends Verifying {
    static methods = new Set([
        "createDm", "createRoom", "join", "invite", "leave", "kick", "send", "sendImage", "sendRaw", "edit", "react",
        "redact", "downloadImage", "messages", "members", "rooms", "waitMembership", "waitRoom", "deviceTrust",
        "userTrust", "setIsolation", "setUpRecovery", "discardSession", "sendToDevice", "setState", "state", "request",
        "syncState", "typing", "beginToType", "read", "logout", "stop", "requestVerification", "waitVerification", "startSas", "waitSas",
        "confirmSas", "mismatchSas", "cancelVerification", "holdDevices", "releaseDevices",
    ]);

    /** {roomId, limit?: 100, all?: false} -> the timeline, oldest first; `all` keeps state, edits and redactions. */
    async messages({ roomId, limit = TIMELINE_LIMIT, all = false }) {
        const room = this._room(roomId);
        const shown = (event) =>
            all || (!event.isState() && !event.isRedaction() && event.getRelation()?.rel_type !== "m.replace");
        const events = () => room.getLiveTimeline().getEvents().filter(shown);
        while (events().length < limit && room.oldState.paginationToken !== null) {
            const before = room.oldState.paginationToken;
            await this.client.scrollback(room, TIMELINE_LIMIT);
            if (room.oldState.paginationToken === before) break;
        }
        const views = [];
        for (const event of events().slice(-limit)) {
            await this.client.decryptEventIfNeeded(event); // what is scrolled to is decrypted when it is shown
            views.push(await viewOf(this.crypto, room, event));
        }
        return views;
    }

    // ------------------------------------------------------------------ rooms

    /** {userId, encrypted?: true, name?} -> {roomId}: a direct chat, encrypted from its first event. */
    createDm({ userId, encrypted = true, name }) {
        return this.createRoom({ invite: [userId], encrypted, name, isDirect: true, preset: "trusted_private_chat" });
    }

    /** {invite?: [], encrypted?: true, name?, isDirect?, preset?, initialState?: [], roomVersion?} -> {roomId} */
    async createRoom({
        invite = [], encrypted = true, name, isDirect = false, preset = "private_chat", initialState = [], roomVersion,
    }) {
        const initial = encrypted ? [ENCRYPTION, ...initialState] : initialState;
        const { room_id: roomId } = await this.client.createRoom({
            invite, name, preset, is_direct: isDirect, initial_state: initial, room_version: roomVersion,
        });
        await this._joined(roomId, encrypted);
        return { roomId };
    }

    /** The room is usable once the sync brought the membership and, if there is any, the encryption event. */
    async _joined(roomId, encrypted) {
        const ready = () => {
            const room = this.client.getRoom(roomId);
            return room?.getMyMembership() === "join" && (!encrypted || room.hasEncryptionStateEvent());
        };
        await this._until(ready, RETRY_MS, `joining ${roomId}`);
    }

    /** {roomId, via?: []}. A federated invite can answer 403 or 404 for a moment, hence it is repeated for `retryMs`. */
    async join({ roomId, via, retryMs = 3000 }) {
        const again = (error) => retryDelay(error) ?? ([403, 404].includes(error?.httpStatus) ? 200 : null);
        const room = await retrying(() => this.client.joinRoom(roomId, { viaServers: via }), again, retryMs);
        await this._joined(room.roomId, false);
        return { roomId: room.roomId };
    }

    async invite({ roomId, userId }) {
        await retrying(() => this.client.invite(roomId, userId));
    }

    async leave({ roomId }) {
        await retrying(() => this.client.leave(roomId));
        const left = () => !["join", "invite"].includes(this.client.getRoom(roomId)?.getMyMembership());
        await this._until(left, RETRY_MS, `leaving ${roomId}`);
    }

    /** {roomId, userId, reason?} */
    async kick({ roomId, userId, reason }) {
        await this.client.kick(roomId, userId, reason);
    }

    /** {roomId} -> [{userId, membership, displayName, powerLevel}] as this client knows them. */
    members({ roomId }) {
        const members = this._room(roomId).currentState.getMembers();
        return members.map(({ userId, membership, rawDisplayName, powerLevel }) => ({
            userId, membership, displayName: rawDisplayName, powerLevel,
        }));
    }

    _describe(room) {
        const mine = room.getMember(this.userId);
        return {
            roomId: room.roomId,
            name: room.name,
            membership: room.getMyMembership(),
            encrypted: room.hasEncryptionStateEvent(),
            direct: Boolean(room.getDMInviter() || mine?.events.member?.getContent().is_direct),
            inviter: room.getMyMembership() === "invite" ? (mine?.events.member?.getSender() ?? null) : null,
            members: room.currentState.getMembers().filter((m) => ["join", "invite"].includes(m.membership)).length,
        };
    }

    rooms() {
        return this.client.getRooms().map((room) => this._describe(room));
    }

    /** {roomId, userId, membership, timeoutMs} waits until the member has this membership. */
    async waitMembership({ roomId, userId, membership, timeoutMs }) {
        const reached = () => this.client.getRoom(roomId)?.getMember(userId)?.membership === membership;
        await this._until(reached, timeoutMs, `"${membership}" of ${userId}`);
    }

    /** {membership, inviter?, roomId?, not?: [roomId], timeoutMs} -> the first room that fits, described as in `rooms`. */
    waitRoom({ membership, inviter, roomId, not = [], timeoutMs }) {
        const fits = (room) =>
            room.membership === membership &&
            (!inviter || room.inviter === inviter) &&
            (!roomId || room.roomId === roomId) &&
            !not.includes(room.roomId);
        return this._until(() => this.rooms().find(fits), timeoutMs, `a room with "${membership}"`);
    }

    /** {roomId, type, content, stateKey?: ""} -> {eventId}. What is sent afterwards knows of it: the sync has brought it. */
    async setState({ roomId, type, content, stateKey = "" }) {
        const { event_id: eventId } = await retrying(() => this.client.sendStateEvent(roomId, type, content, stateKey));
        const here = () => this._room(roomId).currentState.getStateEvents(type, stateKey)?.getId() === eventId;
        await this._until(here, RETRY_MS, `the new ${type}`);
        return { eventId };
    }

    /** {roomId, type, stateKey?: ""} -> the content, or null */
    state({ roomId, type, stateKey = "" }) {
        return this._room(roomId).currentState.getStateEvents(type, stateKey)?.getContent() ?? null;
    }

    // ------------------------------------------------------------------ sending

    async _send(roomId, type, content) {
        const room = this._room(roomId);
        const transaction = randomUUID();
        let first = true;
        const { event_id: eventId } = await retrying(() => {
            if (first) {
                first = false;
                return this.client.sendEvent(roomId, type, content, transaction);
            }
            const failed = room.getLiveTimeline().getEvents()
                .find((event) => event.getTxnId() === transaction && event.status === EventStatus.NOT_SENT);
            return failed
                ? this.client.resendEvent(failed, room)
                : this.client.sendEvent(roomId, type, content, transaction);
        });
        return { eventId };
    }

    /** {roomId, body, formatted?, replyTo?, threadRoot?, msgtype?: "m.text", mentions?: [userId]} -> {eventId} */
    send({ roomId, body, formatted, replyTo, threadRoot, msgtype = "m.text", mentions }) {
        const content = { msgtype, body, "m.mentions": mentions ? { user_ids: mentions } : {} };
        if (formatted) Object.assign(content, { format: "org.matrix.custom.html", formatted_body: formatted });
        const relation = relatesTo(replyTo, threadRoot);
        if (relation) content["m.relates_to"] = relation;
        return this._send(roomId, "m.room.message", content);
    }

    /**
     * {roomId, path, mimetype, caption?, replyTo?, threadRoot?, msgtype?: "m.image", info?: {}} -> {eventId, mxc}
     * Encrypts and uploads the file. The caption is the body, beside the file name.
     */
    async sendImage({ roomId, path: file, mimetype, caption, replyTo, threadRoot, msgtype = "m.image", info = {} }) {
        const plain = await readFile(file);
        const filename = path.basename(file);
        const { ciphertext, file: encrypted } = await encryptAttachment(plain);
        const upload = () =>
            this.client.uploadContent(Buffer.from(ciphertext), { type: "application/octet-stream", includeFilename: false });
        const { content_uri: mxc } = await retrying(upload);
        const content = {
            msgtype,
            body: caption ?? filename,
            filename,
            file: { ...encrypted, url: mxc },
            info: { mimetype, size: plain.length, ...dimensions(plain), ...info },
            "m.mentions": {},
        };
        const relation = relatesTo(replyTo, threadRoot);
        if (relation) content["m.relates_to"] = relation;
        return { ...(await this._send(roomId, "m.room.message", content)), mxc };
    }

    /** {roomId, eventId, body, formatted?} -> {eventId of the edit} */
    edit({ roomId, eventId, body, formatted }) {
        const changed = { msgtype: "m.text", body, "m.mentions": {} };
        if (formatted) Object.assign(changed, { format: "org.matrix.custom.html", formatted_body: formatted });
        return this._send(roomId, "m.room.message", {
            ...changed,
            body: `* ${body}`,
            "m.new_content": changed,
            "m.relates_to": { rel_type: "m.replace", event_id: eventId },
        });
    }

    /** {roomId, eventId, key} -> {eventId of the reaction} */
    react({ roomId, eventId, key }) {
        return this._send(roomId, "m.reaction", {
            "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key },
        });
    }

    /** {roomId, eventId, reason?} -> {eventId of the redaction} */
    async redact({ roomId, eventId, reason }) {
        const transaction = randomUUID();
        const options = reason ? { reason } : undefined;
        const { event_id: redaction } = await retrying(() => this.client.redactEvent(roomId, eventId, transaction, options));
        return { eventId: redaction };
    }

    /** {roomId, type, content, encrypted} -> {eventId}. `encrypted: false` sends plaintext, also into encrypted rooms. */
    async sendRaw({ roomId, type, content, encrypted }) {
        if (encrypted) {
            if (!this._room(roomId).hasEncryptionStateEvent()) throw new Error("the room is not encrypted");
            return this._send(roomId, type, content);
        }
        const url = `/rooms/${encodeURIComponent(roomId)}/send/${encodeURIComponent(type)}/${randomUUID()}`;
        const { event_id: eventId } = await this.request({ method: "PUT", path: url, body: content });
        return { eventId };
    }

    /** {type, messages: {userId: {deviceId: content}}, encrypted?: false}. Encrypted: one content for every device. */
    async sendToDevice({ type, messages, encrypted = false }) {
        if (!encrypted) {
            const devices = Object.entries(messages).map(([user, contents]) => [user, new Map(Object.entries(contents))]);
            await this.client.sendToDevice(type, new Map(devices));
            return;
        }
        for (const [userId, contents] of Object.entries(messages)) {
            for (const [deviceId, content] of Object.entries(contents)) {
                const batch = await this.crypto.encryptToDeviceMessages(type, [{ userId, deviceId }], content);
                await this.client.queueToDevice(batch);
            }
        }
    }

    /** {roomId}: the next message starts a new Megolm session. */
    async discardSession({ roomId }) {
        await this.crypto.forceDiscardSession(roomId);
    }

    /** {roomId, on, timeoutMs?} */
    async typing({ roomId, on, timeoutMs = 10_000 }) {
        await this.client.sendTyping(roomId, on, timeoutMs);
    }

    /** {roomId}: what Element does at the first key that somebody presses: the room's devices get the key that comes. */
    beginToType({ roomId }) {
        this.crypto.prepareToEncrypt(this._room(roomId));
    }

    /** {roomId, eventId}: a read receipt */
    async read({ roomId, eventId }) {
        await this.client.sendReadReceipt(this._event(roomId, eventId));
    }

    /**
     * {roomId, eventId, path, thumbnail?: false} -> {size, mimetype, info}
     * Downloads over authenticated media, checks the hash, decrypts, writes the file. Throws if any step fails.
     */
    async downloadImage({ roomId, eventId, path: target, thumbnail = false }) {
        const content = this._event(roomId, eventId).getContent();
        const file = thumbnail ? content.info?.thumbnail_file : content.file;
        const mxc = file?.url ?? (thumbnail ? content.info?.thumbnail_url : content.url);
        if (!mxc) throw new Error("the event has no such file");
        const url = this.client.mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true);
        const response = await fetch(url, { headers: { Authorization: `Bearer ${this.client.getAccessToken()}` } });
        if (!response.ok) throw Object.assign(new Error("the download failed"), { httpStatus: response.status });
        const raw = new Uint8Array(await response.arrayBuffer());
        const plain = file ? await decryptAttachment(raw, file) : raw;
        await writeFile(target, plain);
        const info = thumbnail ? content.info?.thumbnail_info : content.info;
        return { size: plain.length, mimetype: info?.mimetype ?? null, encrypted: Boolean(file), info: info ?? {} };
    }

    // ------------------------------------------------------------------ trust

    /** {userId, deviceId?} -> [{deviceId, signed, trusted}]: signed by its owner's identity; trusted by this client */
    async deviceTrust({ userId, deviceId }) {
        const known = (await this.crypto.getUserDeviceInfo([userId], true)).get(userId) ?? new Map();
        const result = [];
        for (const id of known.keys()) {
            if (deviceId && id !== deviceId) continue;
            const status = await this.crypto.getDeviceVerificationStatus(userId, id);
            result.push({
                deviceId: id,
                displayName: known.get(id).displayName ?? null,
                signed: status?.signedByOwner ?? false,
                trusted: status?.isVerified() ?? false,
            });
        }
        return result;
    }

    /** {userId} -> {hasIdentity, verified, wasVerified, needsApproval} */
    async userTrust({ userId }) {
        const hasIdentity = await this.crypto.userHasCrossSigningKeys(userId, true);
        const status = await this.crypto.getUserVerificationStatus(userId);
        return {
            hasIdentity,
            verified: status.isCrossSigningVerified(),
            wasVerified: status.wasCrossSigningVerified(),
            needsApproval: status.needsUserApproval,
        };
    }
}

function relatesTo(replyTo, threadRoot) {
    if (threadRoot) {
        return {
            rel_type: "m.thread",
            event_id: threadRoot,
            is_falling_back: !replyTo,
            "m.in_reply_to": { event_id: replyTo ?? threadRoot },
        };
    }
    return replyTo ? { "m.in_reply_to": { event_id: replyTo } } : null;
}
