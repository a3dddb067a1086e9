// Verifying somebody by emoji, as a person does with Element: asked by this client, compared, confirmed or not.

import { VerificationPhase, VerificationRequestEvent } from "matrix-js-sdk/lib/crypto-api/verification.js";

import { Session } from "./session.mjs";

const SAS = "m.sas.v1";
const PHASES = new Map(Object.entries(VerificationPhase).map(([name, value]) => [value, String(name).toLowerCase()]));

export class Verifying extends Session {
    constructor(push) {
        super(push);
        this.verifications = new Map(); // number -> {request, verifier, last}
    }

    /**
     * {userId, roomId?, deviceId?} -> {verification}: asks in the room, or else the device by to-device messages.
     * Every change is pushed as {event: "verification", verification, phase, code, by}.
     */
    async requestVerification({ userId, roomId, deviceId }) {
        await this.crypto.userHasCrossSigningKeys(userId, true); // fetches identity and devices
        const request = roomId
            ? await this.crypto.requestVerificationDM(userId, roomId)
            : await this.crypto.requestDeviceVerification(userId, deviceId);
        const verification = this.verifications.size + 1;
        const entry = { request, verifier: null, last: null };
        this.verifications.set(verification, entry);
        const changed = () => {
            const state = this._verificationState(entry);
            const json = JSON.stringify(state);
            if (json !== entry.last) {
                entry.last = json;
                this.push({ event: "verification", verification, ...state });
            }
            for (const waiter of this.waiters) waiter.check();
        };
        request.on(VerificationRequestEvent.Change, changed);
        changed();
        return { verification, flow: request.transactionId };
    }

    _verificationState({ request }) {
        return {
            phase: PHASES.get(request.phase) ?? String(request.phase),
            code: request.cancellationCode,
            by: request.cancellationCode ? (request.cancellingUserId ?? null) : null,
        };
    }

    _verification(verification) {
        const entry = this.verifications.get(verification);
        if (!entry) throw new Error(`there is no verification ${verification}`);
        return entry;
    }

    /** {verification, phase, timeoutMs} -> {phase, code, by} once it has this phase: ready, started, cancelled or done. */
    async waitVerification({ verification, phase, timeoutMs }) {
        const entry = this._verification(verification);
        const reached = () => {
            const state = this._verificationState(entry);
            if (state.phase !== phase && ["cancelled", "done"].includes(state.phase)) {
                throw new Error(`the verification is ${state.phase} (${state.code}), not ${phase}`);
            }
            return state.phase === phase ? state : null;
        };
        return await this._until(reached, timeoutMs, `the verification's phase "${phase}"`);
    }

    /** {verification, timeoutMs}: sends the start, once the other side is ready. */
    async startSas({ verification, timeoutMs }) {
        await this.waitVerification({ verification, phase: "ready", timeoutMs });
        const entry = this._verification(verification);
        this._take(entry, await entry.request.startVerification(SAS));
    }

    _take(entry, verifier) {
        if (entry.verifier === verifier) return;
        entry.verifier = verifier;
        verifier.verify().catch(() => {}); // how it ended is told by the phase
    }

    /** {verification, timeoutMs} -> {emoji: [[symbol, name]], decimal}: what the person is shown, whoever sent the start. */
    async waitSas({ verification, timeoutMs }) {
        const entry = this._verification(verification);
        const shown = () => {
            if (!entry.verifier && entry.request.verifier) this._take(entry, entry.request.verifier);
            const state = this._verificationState(entry);
            if (state.phase === "cancelled") throw new Error(`the verification was cancelled (${state.code})`);
            return entry.verifier?.getShowSasCallbacks() ?? null;
        };
        const { sas } = await this._until(shown, timeoutMs, "the emoji");
        return { emoji: sas.emoji ?? null, decimal: sas.decimal ?? null };
    }

    _compared(verification) {
        const callbacks = this._verification(verification).verifier?.getShowSasCallbacks();
        if (!callbacks) throw new Error("no emoji are shown");
        return callbacks;
    }

    /** {verification}: the emoji are the same. */
    async confirmSas({ verification }) {
        await this._compared(verification).confirm();
    }

    /** {verification}: they are not. */
    mismatchSas({ verification }) {
        this._compared(verification).mismatch();
    }

    /** {verification}: the person has changed their mind. */
    async cancelVerification({ verification }) {
        await this._verification(verification).request.cancel();
    }
}
