// The life of one account in one matrix-js-sdk client: login, cross-signing, sync, and the pushes of what it sees.

import { setTimeout as sleep } from "node:timers/promises";

import { ClientEvent, Filter, MatrixEventEvent, RoomEvent, createClient } from "matrix-js-sdk";
import {
    AllDevicesIsolationMode,
    CryptoEvent,
    OnlySignedDevicesIsolationMode,
    decodeRecoveryKey,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import { SyncState } from "matrix-js-sdk/lib/sync.js";

import { Answers } from "./answers.mjs";
import { isSettled, viewOf } from "./view.mjs";

export const TIMELINE_LIMIT = 100; // what Synapse allows at most; the library's own default is 8
export const RETRY_MS = 30_000; // how long a request is repeated while the server is away or asks to wait

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };
const loud = Object.fromEntries(["trace", "debug", "info", "warn", "error"].map((level) => [level, console[level]]));
loud.getChild = () => loud;
const logger = process.env.JS_CLIENT_LOG ? loud : quiet;

/** Milliseconds to wait before `error`'s request may be repeated; null if repeating it can't help. */
export function retryDelay(error) {
    if (error?.errcode === "M_LIMIT_EXCEEDED" || error?.httpStatus === 429) return error.data?.retry_after_ms ?? 500;
    if (error?.name === "ConnectionError" || error?.httpStatus >= 500) return 250;
    return null;
}

/** Repeats `attempt` while `again(error)` gives a pause in milliseconds and the time is not up. */
export async function retrying(attempt, again = retryDelay, ms = RETRY_MS) {
    const end = Date.now() + ms;
    for (;;) {
        try {
            return await attempt();
        } catch (error) {
            const delay = again(error);
            if (delay === null || Date.now() + delay > end) throw error;
            await sleep(delay);
        }
    }
}

export class Session {
    constructor(push) {
        this.push = push;
        this.pushed = new Map(); // event id -> the last view that was pushed, as JSON
        this.seenRooms = new Set(); // rooms of which anything was pushed
        this.pending = new Map(); // event id -> MatrixEvent whose view may have changed
        this.pushing = false;
        this.waiters = new Set();
        this.secretStorageKey = null;
        this.answers = new Answers();
        this.stopped = false;
    }

    // ------------------------------------------------------------------ life

    /**
     * Logs in a new device and waits for the first sync.
     * {homeserver, user, password, deviceName?, excludeInsecure?: false,
     *  crossSigning?: "auto" | "none" | "reset", recoveryKey?, holdDevicesOf?: see holdDevices}
     * "auto" makes the cross-signing identity if the account has none, and signs this device with the existing one
     * if `recoveryKey` opens it.
     */
    async login({
        homeserver, user, password, deviceName, excludeInsecure = false, crossSigning = "auto", recoveryKey, holdDevicesOf,
    }) {
        if (holdDevicesOf) this.holdDevices({ userId: holdDevicesOf });
        const anonymous = createClient({ baseUrl: homeserver, logger });
        const session = await retrying(() =>
            anonymous.loginRequest({
                type: "m.login.password",
                identifier: { type: "m.id.user", user },
                password,
                initial_device_display_name: deviceName ?? "matrix-js-sdk test client",
            }),
        );
        if (recoveryKey) this.secretStorageKey = decodeRecoveryKey(recoveryKey);
        this.client = createClient({
            baseUrl: homeserver,
            userId: session.user_id,
            deviceId: session.device_id,
            accessToken: session.access_token,
            timelineSupport: true,
            logger,
            fetchFn: (url, options) => this.answers.fetch(url, options),
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) =>
                    this.secretStorageKey ? [Object.keys(keys)[0], this.secretStorageKey] : null,
                cacheSecretStorageKey: (_id, _info, key) => (this.secretStorageKey = key),
            },
        });
        this.userId = session.user_id;
        this.password = password;
        await this.client.initRustCrypto({ useIndexedDB: false });
        this.crypto = this.client.getCrypto();
        this.setIsolation({ excludeInsecure });
        this._listen();
        const sign = crossSigning === "none" ? null : await this._crossSigning(crossSigning === "reset");
        if (sign?.early) await sign.run();
        const prepared = this._until(() => this.client.isInitialSyncComplete(), RETRY_MS, "the first sync");
        await this.client.startClient({
            initialSyncLimit: TIMELINE_LIMIT, filter: this._timelines(), disablePresence: true, threadSupport: false,
        });
        await prepared;
        if (sign && !sign.early) await sign.run();
        return { userId: session.user_id, deviceId: session.device_id, accessToken: session.access_token };
    }

    /**
     * What later syncs bring of a room. Left to itself the server gives 10 events; and of a timeline that starts after a
     * gap and has an event that the client sent itself, the library keeps what comes after that event and never asks for
     * the gap. Whoever sends a dozen messages before the sync is back after an outage would lose the answers before.
     */
    _timelines() {
        const filter = new Filter(this.userId);
        filter.setTimelineLimit(TIMELINE_LIMIT);
        return filter;
    }

    /** How to sign this device; `early` is before the first sync, so that nobody ever sees the device unsigned. */
    async _crossSigning(reset) {
        // Asked with a request of our own: the library's answer waits a second for a key query of the sync that has not begun.
        const keys = await this.request({ method: "POST", path: "/keys/query", body: { device_keys: { [this.userId]: [] } } });
        const exists = Boolean(keys.master_keys?.[this.userId]);
        if (exists && !reset && !this.secretStorageKey) {
            throw new Error('the account has a cross-signing identity: give its recoveryKey, or crossSigning "reset" or "none"');
        }
        const authUploadDeviceSigningKeys = async (makeRequest) => {
            try {
                await makeRequest(null); // the first upload needs no password
            } catch (error) {
                if (!error?.data?.flows) throw error;
                await makeRequest({
                    type: "m.login.password",
                    identifier: { type: "m.id.user", user: this.userId },
                    password: this.password,
                    session: error.data.session,
                });
            }
        };
        const known = async () => {
            // The keys in secret storage can be imported only when the public ones have been fetched.
            if (!(await this.crypto.userHasCrossSigningKeys())) throw new Error("the own identity did not arrive");
        };
        // Without the recovery key a new identity cannot be stored beside the old secrets: a reset forgets those, too.
        const run =
            exists && reset
                ? () => this.crypto.resetEncryption(authUploadDeviceSigningKeys)
                : async () => {
                      if (exists) await retrying(known, () => 50, 5000);
                      await this.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys });
                  };
        return { early: !exists, run };
    }

    /** Stores the cross-signing keys in secret storage -> {recoveryKey}, with which a second device can be signed. */
    async setUpRecovery() {
        let generated;
        await this.crypto.bootstrapSecretStorage({
            createSecretStorageKey: async () => {
                generated = await this.crypto.createRecoveryKeyFromPassphrase();
                this.secretStorageKey = generated.privateKey;
                return generated;
            },
        });
        if (!generated) throw new Error("the account has a recovery key already");
        return { recoveryKey: generated.encodedPrivateKey };
    }

    /** {excludeInsecure}: true is MSC4153: no keys for unsigned devices, their messages are not shown. */
    setIsolation({ excludeInsecure }) {
        this.crypto.setDeviceIsolationMode(
            excludeInsecure ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false),
        );
    }

    async logout() {
        this.stopped = true;
        await this.client.logout(false);
        this.stop();
    }

    stop() {
        this.stopped = true;
        clearInterval(this.nudge);
        for (const waiter of this.waiters) waiter.fail(new Error("the client was stopped"));
        this.client?.stopClient();
        this.client?.removeAllListeners();
    }

    // ------------------------------------------------------------------ what the client sees

    _listen() {
        const { client } = this;
        client.on(RoomEvent.Timeline, (event) => this._touch(event));
        client.on(MatrixEventEvent.Decrypted, (event) => this._touch(event));
        client.on(MatrixEventEvent.Replaced, (event) => this._touch(event));
        client.on(RoomEvent.Redaction, (redaction, room) => {
            const target = room.findEventById(redaction.getAssociatedId());
            if (target) this._touch(target);
        });
        client.on(RoomEvent.TimelineReset, (room) => room && void this._fillGap(room).catch(() => {}));
        // A shield can appear or go away when devices or identities change.
        const recheck = () => {
            for (const room of client.getRooms()) {
                for (const event of room.getLiveTimeline().getEvents()) {
                    if (this.pushed.has(event.getId())) this._touch(event);
                }
            }
        };
        client.on(CryptoEvent.DevicesUpdated, recheck);
        client.on(CryptoEvent.UserTrustStatusChanged, recheck);
        client.on(ClientEvent.Sync, (state) => {
            this.push({ event: "sync", state });
            clearInterval(this.nudge);
            this.nudge = undefined;
            if (!this.stopped && (state === SyncState.Reconnecting || state === SyncState.Error)) {
                // The library waits 5 to 10 s between its attempts: too long for tests that restart the server.
                this.nudge = setInterval(() => client.retryImmediately(), 500);
            }
            for (const waiter of this.waiters) waiter.check();
        });
    }

    /** Pushes the view of `event` if somebody else sent it and it looks different from what was pushed before. */
    _touch(event) {
        const id = event.getId();
        if (!id || event.status !== null || event.isState() || event.isRedaction()) return;
        if (event.getSender() === this.userId) return;
        this.pending.set(id, event);
        void this._pushPending();
    }

    async _pushPending() {
        if (this.pushing) return;
        this.pushing = true;
        try {
            for (;;) {
                const next = this.pending.entries().next();
                if (next.done || this.stopped) return;
                const [id, event] = next.value;
                this.pending.delete(id);
                const room = this.client.getRoom(event.getRoomId());
                if (!room) continue;
                // Waited for here, so that messages are pushed in the order of the timeline.
                await this.client.decryptEventIfNeeded(event);
                if (!isSettled(event)) continue; // "decrypted" follows
                const view = await viewOf(this.crypto, room, event);
                // An edit is shown in place of what it edits. It is recognised before it can be decrypted, since
                // relations are outside of the ciphertext.
                if (view.relatesTo?.rel_type === "m.replace") {
                    const target = room.findEventById(view.relatesTo.event_id);
                    if (target) this._touch(target);
                    continue;
                }
                const json = JSON.stringify(view);
                if (this.pushed.get(id) === json) continue;
                this.pushed.set(id, json);
                this.seenRooms.add(room.roomId);
                this.push({ event: "message", roomId: room.roomId, message: view });
            }
        } finally {
            this.pushing = false;
            if (this.pending.size > 0 && !this.stopped) setImmediate(() => void this._pushPending());
        }
    }

    /** After a limited sync the timeline starts anew: go back until it meets what was seen. */
    async _fillGap(room) {
        const seen = (event) => this.pushed.has(event.getId());
        if (!this.seenRooms.has(room.roomId)) return;
        await sleep(0); // the reset comes before the events of the sync
        for (let round = 0; round < 20; round++) {
            if (room.getLiveTimeline().getEvents().some(seen) || room.oldState.paginationToken === null) return;
            await this.client.scrollback(room, TIMELINE_LIMIT);
        }
    }

    /** Resolves with the first true value of `condition`, checked after every sync. */
    async _until(condition, ms, what) {
        let waiter;
        const result = new Promise((resolve, reject) => {
            const check = () => {
                try {
                    const value = condition();
                    if (value) resolve(value);
                } catch (error) {
                    reject(error);
                }
            };
            const timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), ms);
            waiter = { check, fail: reject, timer };
            this.waiters.add(waiter);
            check();
        });
        try {
            return await result;
        } finally {
            clearTimeout(waiter.timer);
            this.waiters.delete(waiter);
        }
    }

    _room(roomId) {
        const room = this.client.getRoom(roomId);
        if (!room) throw new Error(`the room ${roomId} is not known to this client`);
        return room;
    }

    _event(roomId, eventId) {
        const event = this._room(roomId).findEventById(eventId);
        if (!event) throw new Error(`the event ${eventId} is not in the timeline`);
        return event;
    }

    /** {method, path, query?, body?}: any client-server request of this account, below /_matrix/client/v3 */
    request({ method, path: url, query, body }) {
        return retrying(() => this.client.http.authedRequest(method, url, query, body));
    }

    /** {userId}: from now on the client is not given what the server answers when it asks for this user's devices. */
    holdDevices({ userId }) {
        this.answers.hold(userId);
    }

    /** -> {held}: how many answers were held back. The client is given them now, and the next ones at once. */
    releaseDevices() {
        return { held: this.answers.release() };
    }

    syncState() {
        return { state: this.client.getSyncState() };
    }
}
