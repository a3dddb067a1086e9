// What a person would see of an event: the plain data that goes to the test.

import { EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api/index.js";

const COLOURS = { [EventShieldColour.GREY]: "grey", [EventShieldColour.RED]: "red" };

async function shieldOf(crypto, room, event) {
    if (event.isState() || event.isRedacted() || event.isDecryptionFailure()) return null;
    if (!event.isEncrypted()) {
        // Reactions travel in the clear everywhere and no client warns about them.
        const plain = room.hasEncryptionStateEvent() && event.getType() !== "m.reaction";
        return plain ? { color: "red", reason: "unencrypted" } : null;
    }
    const info = await crypto.getEncryptionInfoForEvent(event);
    if (!info || info.shieldColour === EventShieldColour.NONE) return null;
    return { color: COLOURS[info.shieldColour], reason: (EventShieldReason[info.shieldReason] ?? "UNKNOWN").toLowerCase() };
}

/** Whether it is settled what the event looks like: in the clear, decrypted, or found to be undecryptable. */
export function isSettled(event) {
    return !event.isEncrypted() || event.isRedacted() || event.isDecryptionFailure() || event.getClearContent() !== null;
}

/** The event as its reader sees it now: decrypted, edited, redacted, with the shield the client would draw. */
export async function viewOf(crypto, room, event) {
    await event.getDecryptionPromise();
    const redacted = event.isRedacted();
    const content = redacted ? {} : event.getContent();
    return {
        eventId: event.getId(),
        roomId: event.getRoomId(),
        sender: event.getSender(),
        type: event.getType(),
        wireType: event.getWireType(),
        timestamp: event.getTs(),
        msgtype: content.msgtype ?? null,
        body: typeof content.body === "string" ? content.body : null,
        formattedBody: typeof content.formatted_body === "string" ? content.formatted_body : null,
        // Relations stay outside of the ciphertext; an edit's new content has none of its own.
        relatesTo: redacted ? null : (event.getWireContent()["m.relates_to"] ?? null),
        encrypted: event.isEncrypted(),
        decryptionFailure: !redacted && event.isDecryptionFailure() ? (event.decryptionFailureReason ?? "UNKNOWN_ERROR") : null,
        redacted,
        redactedBecause: event.getUnsigned().redacted_because?.content ?? null,
        edited: !redacted && event.replacingEvent() !== null && event.replacingEvent() !== undefined,
        stateKey: event.getStateKey() ?? null,
        shield: await shieldOf(crypto, room, event),
        content,
    };
}
