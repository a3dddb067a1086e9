// Encrypted attachments, version "v2" (client-server spec, "Sending encrypted attachments"), over Node's own WebCrypto.

import { webcrypto } from "node:crypto";

const { subtle } = webcrypto;
const unpadded = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");

/** Encrypts `plain`; returns the ciphertext and the EncryptedFile that opens it (`url` is still missing). */
export async function encryptAttachment(plain) {
    const iv = new Uint8Array(16); // 64 random bits, then a 64-bit block counter that starts at zero
    webcrypto.getRandomValues(iv.subarray(0, 8));
    const key = await subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
    const ciphertext = new Uint8Array(await subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, key, plain));
    const { alg, ext, k, kty } = await subtle.exportKey("jwk", key);
    const file = {
        v: "v2",
        key: { alg, ext, k, kty, key_ops: ["encrypt", "decrypt"] },
        iv: unpadded(iv),
        hashes: { sha256: unpadded(await subtle.digest("SHA-256", ciphertext)) },
    };
    return { ciphertext, file };
}

/** Checks the hash of `ciphertext` against the EncryptedFile and decrypts it. Throws if anything does not fit. */
export async function decryptAttachment(ciphertext, file) {
    if (file.v !== "v2") throw new Error(`unknown version of an encrypted file: ${file.v}`);
    const { alg, kty, key_ops: usages } = file.key ?? {};
    if (alg !== "A256CTR" || kty !== "oct" || !usages?.includes("decrypt")) {
        throw new Error("the key of the encrypted file is not an A256CTR key for decryption");
    }
    const hash = unpadded(await subtle.digest("SHA-256", ciphertext));
    if (hash !== file.hashes?.sha256?.replace(/=+$/, "")) throw new Error("the SHA-256 of the downloaded file is wrong");
    const key = await subtle.importKey("jwk", file.key, { name: "AES-CTR" }, false, ["decrypt"]);
    const counter = Buffer.from(file.iv, "base64");
    return new Uint8Array(await subtle.decrypt({ name: "AES-CTR", counter, length: 64 }, key, ciphertext));
}

/** Width and height of a PNG or JPEG in pixels, or {} for anything else. */
export function dimensions(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length >= 24 && view.getUint32(0) === 0x89504e47) return { w: view.getUint32(16), h: view.getUint32(20) };
    if (bytes.length >= 4 && view.getUint16(0) === 0xffd8) {
        for (let at = 2; at + 9 < bytes.length; at += 2 + view.getUint16(at + 2)) {
            const marker = bytes[at + 1];
            const startOfFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
            if (startOfFrame) return { w: view.getUint16(at + 7), h: view.getUint16(at + 5) };
        }
    }
    return {};
}
