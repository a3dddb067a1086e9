// Is this request from the Courtyard that I know? For the server of a mini-program, in JavaScript (Node 18 and later).
// Copy this file beside your server; it needs nothing else. See docs/mini-programs.md, "Your own server".

import { createHash, createPublicKey, sign, verify as verifySignature } from "node:crypto";

/** Seconds that a request may be old, or your clock be wrong. */
export const TOLERANCE = 300;
/** Seconds for which answers are kept: longer than a delivery is repeated, and longer than TOLERANCE, so that nothing
 * which was recorded on its way does anything a second time. */
export const REMEMBERED = 3600;

/** Answer with status 401, and do nothing. */
export class Rejected extends Error {}

/**
 * Check a request; the id of the delivery. Throws Rejected: it is from nobody whom you know, was changed on its way, or
 * is too old.
 *
 * @param {Record<string, string | undefined>} headers of the request; upper and lower case make no difference
 * @param {Uint8Array} body the bytes as they came, before anything reads them as JSON
 * @param {string[]} keys the keys (`ed25519:…`) of the installations that you serve
 * @param {{now?: number, tolerance?: number}} [options] `now` in seconds since 1970
 * @returns {string}
 */
export function verify(headers, body, keys, { now = Date.now() / 1000, tolerance = TOLERANCE } = {}) {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value ?? ""]));
  const [version, delivery, timestamp, key, signature] = ["version", "delivery", "timestamp", "key", "signature"].map(
    (name) => String(given[`courtyard-${name}`] ?? ""),
  );
  if (version !== "1") throw new Rejected("version");
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(delivery)) throw new Rejected("delivery");
  if (!/^[1-9][0-9]{0,11}$/.test(timestamp)) throw new Rejected("timestamp");
  if (Math.abs(now - Number(timestamp)) > tolerance) throw new Rejected("time");
  if (!keys.includes(key)) throw new Rejected("key");
  const digest = createHash("sha256").update(body).digest("hex");
  const signed = Buffer.from(`courtyard delivery 1\n${timestamp}\n${delivery}\n${digest}\n`);
  const made = Buffer.from(signature, "base64");
  const raw = Buffer.from(key.replace(/^ed25519:/, ""), "base64");
  let good = false;
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") };
    // Buffer.from overlooks what is no base64; a signature has one spelling.
    good = made.toString("base64") === signature && made.length === 64;
    good = good && verifySignature(null, signed, createPublicKey({ key: jwk, format: "jwk" }), made);
  } catch {
    good = false;
  }
  if (!good) throw new Rejected("signature");
  return delivery;
}

/**
 * What was answered to which delivery, so that one that comes again gets the same and does nothing. In memory: what must
 * outlive a restart of yours belongs into your database, in the transaction that changes it.
 */
export class Answers {
  #kept = new Map();

  constructor(seconds = REMEMBERED, most = 10_000) {
    this.seconds = seconds;
    this.most = most;
  }

  /** What was answered; undefined: it is new. */
  recall(delivery, now = Date.now() / 1000) {
    const found = this.#kept.get(delivery);
    return found !== undefined && now - found.at <= this.seconds ? found.answer : undefined;
  }

  /** Keep an answer, and give it back. */
  remember(delivery, answer, now = Date.now() / 1000) {
    this.#kept.delete(delivery);
    this.#kept.set(delivery, { at: now, answer });
    for (const [oldest, { at }] of this.#kept) {
      if (this.#kept.size <= this.most && now - at <= this.seconds) break;
      this.#kept.delete(oldest);
    }
    return answer;
  }
}

/**
 * The receipt for an answer to `close` with `left`: what you kept of this user is deleted.
 *
 * @param {import("node:crypto").KeyObject} key secret, of the public key that stands under `deletion` in your manifest
 * @param {string} delivery
 * @param {string} user `event.user.id`
 */
export function receipt(key, delivery, user, now = Date.now() / 1000) {
  const at = Math.floor(now);
  const signed = Buffer.from(`courtyard erasure 1\n${delivery}\n${user}\n${at}\n`);
  return { at, signature: sign(null, signed, key).toString("base64") };
}
