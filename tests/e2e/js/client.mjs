// An independent, end-to-end encrypted Matrix client for the tests: matrix-js-sdk with its Rust crypto.
//
// It speaks JSON lines. stdin:  {"id": 1, "client": "alice", "method": "send", "params": {...}}
//                       stdout: {"id": 1, "result": ...} or {"id": 1, "error": {...}}
//                               {"event": "message", "client": "alice", "roomId": "!...", "message": {...}}
// One process holds any number of accounts, told apart by `client`. It ends when stdin closes, so it cannot
// outlive the test that started it. The protocol owns stdout; whatever a library logs goes to stderr or nowhere.

import { createInterface } from "node:readline";
import process from "node:process";

const verbose = Boolean(process.env.JS_CLIENT_LOG);
const toStderr = (...parts) => {
    if (verbose) process.stderr.write(parts.map(String).join(" ") + "\n");
};
for (const level of ["log", "debug", "info", "warn", "error", "trace"]) console[level] = toStderr;

// Imported after the console is silenced: the library takes hold of it while it loads.
const { Account } = await import("./account.mjs");

/** @type {Map<string, Account>} */
const accounts = new Map();

const write = (value) => process.stdout.write(JSON.stringify(value) + "\n");

function describe(error) {
    return {
        name: error?.name ?? "Error",
        message: String(error?.message ?? error),
        errcode: error?.errcode ?? error?.data?.errcode ?? null,
        httpStatus: error?.httpStatus ?? null,
    };
}

async function dispatch({ client, method, params }) {
    if (method === "ping") return { node: process.version, memory: process.memoryUsage().rss };
    if (typeof client !== "string") throw new Error("a request names its client");
    if (method === "login") {
        if (accounts.has(client)) throw new Error(`the client "${client}" is logged in already`);
        const account = new Account((event) => write({ client, ...event }));
        accounts.set(client, account);
        try {
            return await account.login(params);
        } catch (error) {
            accounts.delete(client);
            account.stop();
            throw error;
        }
    }
    const account = accounts.get(client);
    if (!account) throw new Error(`no client "${client}" is logged in`);
    if (!Account.methods.has(method)) throw new Error(`unknown method "${method}"`);
    try {
        return await account[method](params);
    } finally {
        if (method === "stop" || method === "logout") accounts.delete(client);
    }
}

async function handle(line) {
    let request;
    try {
        request = JSON.parse(line);
    } catch (error) {
        write({ id: null, error: describe(error) });
        return;
    }
    try {
        const result = await dispatch({ params: {}, ...request });
        write({ id: request.id, result: result ?? null });
    } catch (error) {
        toStderr(error?.stack ?? error);
        write({ id: request.id, error: describe(error) });
    }
}

function end() {
    for (const account of accounts.values()) account.stop();
    process.exit(0);
}

// A background failure of the library (a key upload while the server restarts) must not end the clients of other tests.
process.on("unhandledRejection", (reason) => toStderr("unhandled:", reason?.stack ?? reason));
process.on("SIGTERM", end);
process.stdout.on("error", end); // nobody reads any more

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => void handle(line));
lines.on("close", end);
write({ event: "ready" });
