"""Programs that mean harm. Each has the ways in which it may end; none may end the process that runs it.

`LAST` are those that end by a limit or an error, `SEEN` those that report in `state` what they could reach.
"""

from collections.abc import Mapping
from typing import Any


def body(code: str) -> str:
    """A program whose `handle` does this."""
    return f"function handle(event) {{ {code}; return {{state: null, effects: []}} }}"


def effect(fields: str) -> str:
    """A program that asks for this effect."""
    return f"function handle() {{ return {{ state: null, effects: [{{ {fields} }}] }} }}"


LOOPS: Mapping[str, str] = {
    "while": "while (true);",
    "for": body("for (;;) {}"),
    "do": body("let x = 0; do { x++ } while (true)"),
    "labels": body("outer: for (;;) { for (;;) { continue outer } }"),
    "finally": body("for (;;) { try { throw 1 } catch { continue } finally { } }"),
    "generator": body("function* g() { while (true) yield 1 } for (const x of g());"),
    "iterator": body("const next = () => ({ value: 1, done: false }); [...{ [Symbol.iterator]: () => ({ next }) }]"),
    "getter": body("const o = { get x() { for (;;); } }; o.x"),
    "proxy": body("const p = new Proxy({}, { get(t, k, r) { for (;;); } }); p.anything"),
    "has-instance": body("class C { static [Symbol.hasInstance]() { for (;;); } } ({}) instanceof C"),
    "to-primitive": body("`${{ [Symbol.toPrimitive]() { for (;;); } }}`"),
    "to-json": "function handle() { return { toJSON() { for (;;); } } }",
    "error-name": "function handle() { throw { get name() { for (;;); } } }",
    "eval": body("eval('for(;;);')"),
    "function-constructor": body("new Function('for(;;);')()"),
    "sort-comparator": body("[3, 2, 1].sort(() => { for (;;); })"),
    "reviver": body("JSON.parse('[1]', () => { for (;;); })"),
    "replacer": body("JSON.stringify([1], () => { for (;;); })"),
    "species": body("class A extends Array { static get [Symbol.species]() { for (;;); } } new A(3).map(x => x)"),
    "global-setter": "Object.defineProperty(globalThis, 'x', { set() { for (;;); } }); globalThis.x = 1; " + body(""),
    "static-block": "class C { static { for (;;); } } " + body(""),
    "default-argument": body("(function (a = (() => { for (;;); })()) {})()"),
    "date-loop": body("const end = Date.now() + 1; while (Date.now() < end);"),
    "caught-forever": body("for (;;) { try { null.x } catch (e) { } }"),
}
"""Each ends because its time is over."""

NATIVES: Mapping[str, str] = {
    "fill": body("const a = new Uint8Array(20e6); for (;;) a.fill(1)"),
    "copy-within": body("const a = new Uint8Array(20e6); for (;;) a.copyWithin(1, 0)"),
    "index-of": body("const s = 'a'.repeat(8e6); for (;;) s.indexOf('ab')"),
    "replace-all": body("let s = 'ab'.repeat(1e5); for (;;) s.replaceAll('a', 'b')"),
    "split-join": body("const s = 'ab'.repeat(1e5); for (;;) s.split('a').join('b')"),
    "reverse": body("const a = Array(1e6).fill(1); for (;;) a.reverse()"),
    "sort": body("const a = Float64Array.from({ length: 5e5 }, (_, i) => -i); for (;;) a.sort()"),
    "sparse": body("const a = []; a[4294967294] = 1; for (;;) a.indexOf(2)"),
    "array-like": body("for (;;) Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)"),
    "array-from": body("Array.from({ length: 4294967295 })"),
    "bigint-power": body("let x = 3n; for (;;) x = x ** 2n"),
    "bigint-shift": body("const x = 1n << 200000n; for (;;) x * x"),
    "bigint-text": body("const x = 1n << 300000n; for (;;) x.toString()"),
    "parse-big": body("const s = '[' + '1,'.repeat(1e5) + '1]'; for (;;) JSON.parse(s)"),
    "stringify-big": body("const a = Array(2e5).fill(0); for (;;) JSON.stringify(a)"),
    "normalize": body("const s = '\\u0344'.repeat(1e5); for (;;) s.normalize('NFD')"),
    "locale-compare": body("const s = 'x'.repeat(1e6); for (;;) s.localeCompare(s + 'y')"),
    "compile": body("const s = 'var a;'.repeat(2e4); for (;;) new Function(s)"),
    "decode": body("const s = '%41'.repeat(2e5); for (;;) decodeURIComponent(s)"),
}
"""Long work inside the engine, in which no JavaScript runs. Ends because its time, or its memory, is over."""

REGEXES: Mapping[str, str] = {
    "nested-quantifier": body("/^(a+)+$/.test('a'.repeat(40) + 'b')"),
    "alternation": body("/^(a|a)*$/.test('a'.repeat(40) + 'b')"),
    "backreference": body("/(x+x+)+y/.test('x'.repeat(60))"),
    "lookahead": body("/^(?=(a+)+$)/.test('a'.repeat(40) + 'b')"),
    "unicode-sets": body("/^([\\p{L}--[b]]+)+$/v.test('a'.repeat(40) + '1')"),
    "global-replace": body("'a'.repeat(1e4).replace(/(a*)*b/g, '')"),
    "many-groups": body("new RegExp('(a?){1,1000}'.repeat(100) + 'b').test('a'.repeat(2000))"),
    "huge-pattern": body("new RegExp('(?:' + 'a|'.repeat(1e6) + 'b)').test('c')"),
}
"""Ends because time, memory or stack is over, or as an error of the engine."""

MEMORY: Mapping[str, str] = {
    "arrays": body("const a = []; for (;;) a.push(new Uint8Array(1e6))"),
    "one-buffer": body("new ArrayBuffer(2 ** 31)"),
    "growing-buffer": body("const b = new ArrayBuffer(1, { maxByteLength: 2 ** 30 }); b.resize(2 ** 30)"),
    "strings": body("let s = 'x'; for (;;) s += s"),
    "ropes": body("let s = 'x'; for (let i = 0; i < 40; i++) s = s + s; s.charCodeAt(2 ** 35)"),
    "repeat": body("'x'.repeat(2 ** 29)"),
    "pad": body("''.padEnd(2 ** 29, 'ab')"),
    "objects": body("const o = {}; for (let i = 0; ; i++) o['k' + i] = { i }"),
    "map": body("const m = new Map(); for (let i = 0; ; i++) m.set(i, 'v' + i)"),
    "symbols": body("const a = []; for (;;) a.push(Symbol('s'))"),
    "closures": body("let f = () => 0; for (;;) { const g = f; f = () => g }"),
    "weak": body("const w = new WeakMap(), k = []; for (;;) { const o = {}; k.push(o); w.set(o, 'x'.repeat(1000)) }"),
    "spread": body("const a = Array(1e6).fill(1); Math.max(...a, ...a, ...a, ...a, ...a, ...a, ...a, ...a)"),
    "typed-arrays": body("const a = []; for (;;) a.push(new Float64Array(100))"),
    "bigints": body("let x = 1n; for (;;) x = (x << 100000n) | 1n"),
    "catching": body("const a = []; for (;;) { try { a.push('x'.repeat(1e6) + a.length) } catch { } }"),
    "logs": body("for (let i = 0; i < 1e5; i++) console.log('x'.repeat(1e5))"),
}
"""Ends because the memory, or the time, is over."""

RECURSION: Mapping[str, str] = {
    "plain": body("(function f() { f() })()"),
    "finally": body("(function f() { try { return f() } finally { for (;;); } })()"),
    "mutual": body("function f() { g() } function g() { f() } f()"),
    "getters": body("const o = { get x() { return this.x } }; o.x"),
    "proxies": body("let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x"),
    "bound": body("let f = () => 0; for (let i = 0; i < 1e5; i++) f = f.bind(null); f()"),
    "caught": body("(function f() { try { f() } catch { f() } })()"),
    "apply": body("(function f() { f.apply(null, []) })()"),
    "to-string": body("const a = []; a[0] = a; const o = { toString: () => `${o}` }; `${o}`"),
    "constructor": body("class C { constructor() { new C() } } new C()"),
    "json-deep": "function handle() { let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o }",
    "parse-deep": body("JSON.parse('['.repeat(1e6))"),
    "source-deep": "(".ljust(50_000, "(") + body(""),
    "regex-deep": body("new RegExp('('.repeat(1e5) + ')'.repeat(1e5))"),
    "generator-deep": body("function* g() { yield* g() } [...g()]"),
    "async-deep": body("(async function f() { await f() })()"),
}
"""Ends because the stack is over, or as an error of the engine that says so, or because time or memory is over."""

ANSWERS: Mapping[str, str] = {
    "huge-state": "function handle() { return { state: 'x'.repeat(60000), effects: [] } }",
    "huge-answer": "function handle() { return { state: 'x'.repeat(1e6), effects: [] } }",
    "many-effects": "function handle() { return { state: 0, effects: Array(21).fill({ type: 'session.end' }) } }",
    "deep-state": "function handle() { let s = 0; for (let i = 0; i < 40; i++) s = [s]; return { state: s } }",
    "cycle": "function handle() { const a = []; a[0] = a; return a }",
    "bigint": "function handle() { return { state: 1n, effects: [] } }",
    "surrogate": "function handle() { return { state: '\\ud800', effects: [] } }",
    "inexact": "function handle() { return { state: 1e300, effects: [2 ** 60] } }",
    "nothing": "function handle() { }",
    "promise": "async function handle() { return { state: null, effects: [] } }",
    "thenable-class": "function handle() { return new (class extends Promise {})(() => 0) }",
    "text": 'function handle() { return \'{"state":null,"effects":[]}\' }',
    "no-handle": "const handler = 1",
    "not-javascript": "def handle(event): pass",
    "module": "export function handle() { return { state: null, effects: [] } }",
    "thrown-proxy": "function handle() { throw new Proxy({}, { get() { throw 1 } }) }",
    "thrown-null": "function handle() { throw null }",
    "thrown-huge": "function handle() { const e = new Error('x'.repeat(1e6)); e.name = 'y'.repeat(1e6); throw e }",
    "broken-stringify": "JSON.stringify = () => 'A{}'; function handle() { return { state: null } }",
    "broken-array": "Array.prototype.toJSON = () => 'no'; function handle() { return { state: null, effects: [] } }",
    "many-faults": "const row = Array(8).fill(1.5), table = { columns: Array(8).fill({}), rows: Array(50).fill(row) };"
    "function handle() { return { state: 0, effects: Array(18).fill({ type: 'ui.send', table }) } }",
    "other-domain": effect("type: 'fetch', tag: 't', url: 'https://127.0.0.1/'"),
    "other-scope": effect("type: 'scope.request', tag: 't', scopes: ['profile.name']"),
    "proto-key": effect("['__proto__']: {}, type: '__proto__'"),
    "constructor-type": effect("type: 'constructor'"),
    "file-picture": effect("type: 'ui.send', picture: { alt: 'x', url: 'file:///etc/passwd' }"),
}
"""Answers that are none. Nothing of them is performed."""

SEEN: Mapping[str, tuple[str, Any]] = {
    # name: (an expression that the program reports as its state, what it may see)
    "globals": (
        "['std', 'os', 'bjson', 'print', 'scriptArgs', 'argv0', 'execArgv', 'navigator', 'performance', 'gc', "
        "'queueMicrotask', 'setTimeout', 'process', 'require', 'fetch', 'Worker', 'Deno', 'WebAssembly', "
        "'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry'].filter(n => n in globalThis)",
        [],
    ),
    "function-globals": ("typeof new Function('return this')().std", "undefined"),
    "import": ("(() => { let s = 'none'; import('qjs:std').then(m => { s = Object.keys(m) }); return s })()", "none"),
    "import-file": (
        "(() => { let s = 'none'; import('/etc/passwd').then(m => { s = m }, e => { s = e }); return s })()", "none"
    ),
    "promise-jobs": ("(() => { let s = 0; Promise.resolve().then(() => { s = 1 }); return s })()", 0),
    "promise-storm": (
        "(() => { let n = 0; const f = () => Promise.resolve().then(() => { n++; f(); f() }); f(); return n })()", 0
    ),
    "await-nothing": ("(() => { let s = 0; (async () => { await null; s = 1 })(); return s })()", 0),
    "clock": ("[Date.now(), new Date().getTime(), new Date().getTimezoneOffset(), Date()]",
              [1_700_000_000_000, 1_700_000_000_000, 0, "Tue Nov 14 2023 22:13:20 GMT+0000"]),
    "clock-stands": ("(() => { const a = Date.now(); for (let i = 0; i < 1e5; i++); return Date.now() - a })()", 0),
    "caller": ("(() => { try { return String(handle.caller) } catch (e) { return e.name } })()", "TypeError"),
    "callee": ("(() => { try { return String(arguments.callee.caller) } catch (e) { return e.name } })()", "TypeError"),
    "prelude-names": ("[typeof write, typeof evaluate, typeof source, typeof seed]", ["undefined"] * 4),
    "error-frames": (
        "(() => { let n = 0; try { Error.prepareStackTrace = (e, frames) => { n = frames.length; return '' } } "
        "catch (e) { return e.name } void new Error().stack; return n })()",
        "TypeError",
    ),
    "own-event-only": ("Object.keys(event).sort()",
                       ["chat", "data", "id", "locale", "now", "seed", "state", "type", "user", "v"]),
    "earlier-run": ("(() => { const seen = globalThis.leak ?? Object.prototype.leak ?? Math.leak ?? null; "
                    "globalThis.leak = 1; Object.prototype.leak = 1; Math.leak = 1; return seen })()", None),
    "environment": ("Object.keys(globalThis).filter(k => /env|path|home|secret|token|key/i.test(k))", []),
    "locale-of-host": ("(1234.5).toLocaleString()", "1234.5"),
}  # fmt: skip

GOOD = "function handle(event) { return { state: (event.state ?? 0) + 1, effects: [{ type: 'ui.send', text: 'ok' }] } }"
"""What runs after each of them, in the same process."""
