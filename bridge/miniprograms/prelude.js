// Runs before the program: takes away what a reducer has no use for, gives it a seeded Math.random and a bounded
// console, and calls `handle`. Written to the host: one line each, "L" a log line, "A" the answer, "E" an error.
// Called by the host as (…)(source, event, seed, limits); there is no clock and no entropy behind it either.
(function (source, event, seed, logLines, logChars) {
  "use strict";
  const write = globalThis.print;
  const evaluate = globalThis.eval;
  const { stringify, parse } = JSON;
  const { slice } = String.prototype;
  const { apply } = Reflect;
  const PromiseType = Promise;
  const toText = String;

  for (const name of [
    "print", "console", "scriptArgs", "argv0", "execArgv", "navigator", "performance", "gc", "queueMicrotask",
    "SharedArrayBuffer", "Atomics", "WeakRef", "FinalizationRegistry",
  ]) {
    delete globalThis[name];
  }

  // It would be given the functions that are running, and these are among them.
  Object.defineProperty(Error, "prepareStackTrace", { value: undefined, writable: false, configurable: false });

  // sfc32, seeded with the 128 bits of the event.
  let a = parseInt(apply(slice, seed, [0, 8]), 16) | 0;
  let b = parseInt(apply(slice, seed, [8, 16]), 16) | 0;
  let c = parseInt(apply(slice, seed, [16, 24]), 16) | 0;
  let d = parseInt(apply(slice, seed, [24, 32]), 16) | 0;
  function random() {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 4294967296;
  }
  for (let turn = 0; turn < 12; turn++) random();
  Math.random = random;

  let lines = 0;
  function log(...parts) {
    if (lines >= logLines) return;
    lines += 1;
    let text = "";
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      const shown = typeof part === "string" ? part : (typeof part === "object" && stringify(part)) || toText(part);
      text += (index ? " " : "") + shown;
    }
    write("L" + stringify(apply(slice, text, [0, logChars])));
  }
  globalThis.console = { log, info: log, debug: log, warn: log, error: log };

  function fail(error) {
    let name = "Error", message = "", stack = "";
    try {
      if (typeof error === "object" && error !== null) {
        name = apply(slice, toText(error.name), [0, 100]);
        message = apply(slice, toText(error.message), [0, 500]);
        stack = apply(slice, toText(error.stack), [0, 2000]);
      } else {
        message = apply(slice, toText(error), [0, 500]);
      }
    } catch {
      message = "something that can't be shown was thrown";
    }
    write("E" + stringify({ name, message, stack }));
  }

  try {
    const handle = evaluate('"use strict";' + source + '\n;typeof handle === "function" ? handle : undefined');
    if (typeof handle !== "function") throw new TypeError("the program has no function handle(event)");
    const answer = handle(parse(event));
    if (answer instanceof PromiseType) {
      throw new TypeError("handle returned a promise; it has to return {state, effects} at once");
    }
    const text = stringify(answer);
    if (typeof text !== "string") throw new TypeError("handle returned nothing; it should return {state, effects}");
    write("A" + text);
  } catch (error) {
    fail(error);
  }
})
