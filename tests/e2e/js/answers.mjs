// The answers to a client's requests: those that tell of somebody's devices can be made to come late.

export class Answers {
    constructor() {
        this.heldUser = null;
        this.held = 0;
        this.gate = null; // {promise, resolve}
    }

    hold(userId) {
        this.heldUser = userId;
        this.held = 0;
        this.gate = Promise.withResolvers();
    }

    release() {
        this.gate?.resolve();
        this.gate = null;
        return this.held;
    }

    async fetch(url, options) {
        const answer = await fetch(url, options);
        if (this.gate && asksFor(this.heldUser, url, options)) {
            this.held += 1;
            await this.gate.promise;
        }
        return answer;
    }
}

function asksFor(userId, url, options) {
    if (!new URL(url).pathname.endsWith("/keys/query")) return false;
    return Object.hasOwn(JSON.parse(options.body).device_keys, userId);
}
