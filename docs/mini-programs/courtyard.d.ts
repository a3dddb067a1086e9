// The contract between a mini-program and its host, version 1. Made by `courtyard mp new`.
// In main.js: /** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */

declare namespace Courtyard {
  /** Anything that JSON can say. */
  type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

  /** Called once for each event, with nothing left over from the last one but `event.state`. */
  type Handle = (event: Event) => Answer;

  interface Answer {
    v?: 1;
    /** Comes back with the next event of this session. To keep it: event.state. */
    state: Json;
    /** Performed in this order, after all was checked. */
    effects: Effect[];
  }

  type Event =
    | OpenEvent
    | CommandEvent
    | TextEvent
    | ChoiceEvent
    | FormEvent
    | FetchResultEvent
    | KvResultEvent
    | ScopeResultEvent
    | TimerEvent
    | CloseEvent;

  type Effect =
    | UiSend
    | UiUpdate
    | KvGet
    | KvSet
    | KvDel
    | Fetch
    | ScopeRequest
    | TimerSet
    | SessionEnd
    | Log;

  /** Money. The host shows it as the reader is used to. */
  interface Amount {
    /** In the currency's smallest unit: 1250 is 12.50 EUR. */
    amount: number;
    /** ISO 4217, like EUR. */
    currency: string;
  }

  interface BooleanField {
    name: string;
    label: string;
    required?: boolean;
    type: "boolean";
  }

  /** Where it is: an id that only this program has for it, in this installation. */
  interface Chat {
    id: string;
    kind: "dm" | "room";
  }

  interface Choice {
    id: string;
    label: string;
  }

  interface ChoiceEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "choice";
    data: Chosen;
  }

  interface ChoiceField {
    name: string;
    label: string;
    required?: boolean;
    type: "choice";
    choices: Choice[];
  }

  interface Chosen {
    /** The message that had the choices. */
    key: string | null;
    choice: string;
  }

  /** The last one: only kv effects and log are performed. */
  interface CloseEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "close";
    data: Closed;
  }

  interface Closed {
    /** Closed by the person, by silence, or the person left for good. */
    reason: "user" | "idle" | "left";
  }

  interface Column {
    label?: string;
    align?: "start" | "end";
  }

  interface Command {
    name: string;
    /** As the manifest declares them; null for one that was left out. */
    args: { [key: string]: string | number | boolean | null };
  }

  interface CommandEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "command";
    data: Command;
  }

  interface DateField {
    name: string;
    label: string;
    required?: boolean;
    type: "date";
    min?: number | null;
    max?: number | null;
  }

  interface DateValue {
    /** Shown in the reader's time zone, which the program is never told. */
    date: number;
    style?: "date" | "time" | "datetime";
  }

  /** Ask a server on one of the domains of the manifest. A `fetch.result` event brings its answer. */
  interface Fetch {
    type: "fetch";
    tag: string;
    url: string;
    method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
    headers?: { [key: string]: string };
    body?: string | null;
  }

  interface FetchResultEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "fetch.result";
    data: Fetched;
  }

  interface Fetched {
    effect: string;
    tag: string;
    /** Whether there was an answer at all, whatever its status. */
    ok: boolean;
    status: number | null;
    /** content-type and etag, when there are any. */
    headers: { [key: string]: string };
    body: string | null;
    error: "refused" | "timeout" | "too_large" | "unreachable" | "unreadable" | "quota" | null;
  }

  interface Filled {
    form: string;
    /** By the names of the fields; null when the person left the form. */
    values: { [key: string]: string | number | boolean | null } | null;
  }

  /** Questions that the host asks one after the other. A `form` event has the answers, or null when it was left. */
  interface Form {
    name: string;
    fields: (TextField | IntegerField | NumberField | BooleanField | ChoiceField | DateField)[];
  }

  interface FormEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "form";
    data: Filled;
  }

  interface Granted {
    effect: string;
    tag: string;
    granted: string[];
    denied: string[];
  }

  interface IntegerField {
    name: string;
    label: string;
    required?: boolean;
    type: "integer";
    min?: number | null;
    max?: number | null;
  }

  interface Kept {
    effect: string;
    tag: string;
    op: "get" | "set" | "del";
    space: "person" | "chat" | "program";
    ok: boolean;
    error: "conflict" | "quota" | null;
    /** What is stored now, by key. */
    items: { [key: string]: Stored };
  }

  /** Forget a value. */
  interface KvDel {
    type: "kv.del";
    space: "person" | "chat" | "program";
    key: string;
    if_version?: number | null;
    tag?: string | null;
  }

  /** Read stored values. A `kv.result` event brings them. */
  interface KvGet {
    type: "kv.get";
    tag: string;
    space: "person" | "chat" | "program";
    keys: string[];
  }

  interface KvResultEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "kv.result";
    data: Kept;
  }

  /** Store a value, together with the new state. */
  interface KvSet {
    type: "kv.set";
    space: "person" | "chat" | "program";
    key: string;
    value: Json;
    /** Store it only if the value has this version, as kv.get told it; 0: only if there is none. */
    if_version?: number | null;
    /** Given: a `kv.result` event tells how it went. */
    tag?: string | null;
  }

  /** A line for the developer: shown by the tools, kept nowhere else. */
  interface Log {
    type: "log";
    text: string;
  }

  interface MoneyValue {
    money: Amount;
  }

  interface NumberField {
    name: string;
    label: string;
    required?: boolean;
    type: "number";
    min?: number | null;
    max?: number | null;
  }

  interface OpenEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "open";
    data: Opened;
  }

  interface Opened {
    /** What stood behind `open NAME`. */
    payload: string | null;
  }

  /** A picture, of which exactly one source is given. The host fetches and re-encodes it itself. */
  interface Picture {
    /** What is on it, for people who can't see it. */
    alt: string;
    /** On one of the domains of the manifest. */
    url?: string | null;
    /** The file itself, as base64: PNG, JPEG, GIF or WebP. */
    data?: string | null;
    /** A text that the host draws as a QR code. */
    qr?: string | null;
  }

  interface Rung {
    tag: string;
    payload: Json;
  }

  /** Ask the person for something of theirs. The host asks, with the purposes of the manifest. */
  interface ScopeRequest {
    type: "scope.request";
    tag: string;
    scopes: string[];
  }

  interface ScopeResultEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "scope.result";
    data: Granted;
  }

  /** Close the program in this chat, after all that stands before it. */
  interface SessionEnd {
    type: "session.end";
  }

  interface Stored {
    value: Json;
    /** Another one after each change, never again the same; 0: there is no such value. */
    version: number;
  }

  interface Table {
    columns: Column[];
    rows: ((string | number | MoneyValue | DateValue)[])[];
  }

  interface TextEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "text";
    data: Typed;
  }

  interface TextField {
    name: string;
    label: string;
    required?: boolean;
    type: "text";
    max_length?: number;
  }

  interface TimerEvent {
    v: 1;
    /** Of this event. It may come again with the same id, and changes nothing then. */
    id: string;
    /** The only clock there is. */
    now: number;
    /** The only source of chance: Math.random follows from it. */
    seed: string;
    locale: string;
    user: User;
    chat: Chat;
    /** What the last answer in this session said; null at first. */
    state: any;
    type: "timer";
    data: Rung;
  }

  /** Be called later; the person has to agree to messages that follow. A timer of the same tag is replaced. */
  interface TimerSet {
    type: "timer.set";
    tag: string;
    /** In seconds; null takes the timer back. */
    after: number | null;
    payload?: Json;
  }

  interface Typed {
    text: string;
  }

  /** Say something. */
  interface UiSend {
    /**
     * Markdown: paragraphs, lists, quotes, **bold**, *italic*, `code` and links. No HTML, no pictures. `{name}`
     * stands for the entry of that name in `values`.
     */
    text?: string | null;
    /** Money and dates in the text, which the host writes as the reader is used to. */
    values?: { [key: string]: string | number | MoneyValue | DateValue };
    picture?: Picture | null;
    table?: Table | null;
    choices?: Choice[] | null;
    /** Who may choose: the person of this event, or anybody in the chat. */
    chooser?: "user" | "anyone";
    form?: Form | null;
    type: "ui.send";
    /** Names the message, so that ui.update finds it again. */
    key?: string | null;
    /** The chat that the program was opened in, or this person alone, in their own chat. */
    to?: "chat" | "user";
  }

  /** Change a message that this session has sent. */
  interface UiUpdate {
    /**
     * Markdown: paragraphs, lists, quotes, **bold**, *italic*, `code` and links. No HTML, no pictures. `{name}`
     * stands for the entry of that name in `values`.
     */
    text?: string | null;
    /** Money and dates in the text, which the host writes as the reader is used to. */
    values?: { [key: string]: string | number | MoneyValue | DateValue };
    picture?: Picture | null;
    table?: Table | null;
    choices?: Choice[] | null;
    /** Who may choose: the person of this event, or anybody in the chat. */
    chooser?: "user" | "anyone";
    form?: Form | null;
    type: "ui.update";
    key: string;
  }

  /** Who it is: an id that only this program has for them, in this installation. */
  interface User {
    id: string;
    /** What this person has granted. */
    scopes: string[];
    /**
     * Exactly the fields that were granted. `avatar` is the picture itself, at most 96 pixels wide and high, as
     * base64.
     */
    profile: { [key: string]: string };
  }
}
