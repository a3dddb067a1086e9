// Prints vectors of secret storage (client-server API, "m.secret_storage.v1.aes-hmac-sha2") as JSON, made by
// matrix-js-sdk from fixed keys: what tests/unit/matrix/data/secret_storage.json holds.
//
//   node secret_storage_vectors.mjs > ../../unit/matrix/data/secret_storage.json

import { calculateKeyCheck } from "matrix-js-sdk/lib/secret-storage.js";
import { decodeRecoveryKey, encodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import encrypt from "matrix-js-sdk/lib/utils/encryptAESSecretStorageItem.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const keys = [
    new Uint8Array(32),
    Uint8Array.from({ length: 32 }, (_, n) => n),
    new Uint8Array(32).fill(255),
    Uint8Array.from({ length: 32 }, (_, n) => (n * 37 + 11) % 256),
];
const secrets = [
    ["m.cross_signing.master", base64(keys[1]).replace(/=+$/, "")],
    ["m.cross_signing.self_signing", base64(keys[3]).replace(/=+$/, "")],
    ["chat.courtyard.devices", '{"名":"é"}'],
    ["", "0".repeat(100)],
];

const vectors = [];
for (const [n, key] of keys.entries()) {
    const recoveryKey = encodeRecoveryKey(key);
    if (base64(decodeRecoveryKey(recoveryKey)) !== base64(key)) throw new Error("the library contradicts itself");
    const iv = base64(Uint8Array.from({ length: 16 }, (_, i) => (i === 8 ? 0x7f : 255 - n * i)));
    const items = [];
    for (const [name, plain] of secrets) items.push({ name, plain, encrypted: await encrypt(plain, key, name) });
    vectors.push({ key: base64(key), recoveryKey, check: await calculateKeyCheck(key, iv), items });
}
const madeBy = "matrix-js-sdk 43.0.0, by tests/e2e/js/secret_storage_vectors.mjs";
process.stdout.write(JSON.stringify({ madeBy, vectors }, null, 1) + "\n");
