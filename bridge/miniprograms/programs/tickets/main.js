// Tickets. In the space of the program: "events" = [{ n, title, when, rows, columns, owner }] and, for each event,
// "seats/N" = { A1: { code, in } }. A seat is taken by compare-and-set, so it is never sold twice.
// In the space of the person: "tickets" = [{ n, title, when, seat, code }].
// State of a session: { doing: { tag: what is under way } }

const MAX_EVENTS = 20, MAX_ROWS = 10, MAX_COLUMNS = 12, MAX_TICKETS = 20, MAX_TRIES = 3;

const TEXTS = {
  en: {
    help: "**events** shows what there is, **book 1 B3** takes a seat, **mine** shows your tickets, **new** puts on an event.",
    none: "There are no events yet. **new** puts one on.",
    number: "No.", title: "Event", when: "When", free: "Free",
    noEvent: n => `There is no event ${n}.`,
    noSeat: "There is no such seat; they look like B3.",
    taken: seat => `${seat} is taken.`,
    busy: "Many people are booking just now. Please try again.",
    full: "You have too many tickets.",
    booked: (seat, title) => `Your seat is **${seat}** for ${title}, {when}.`,
    ticket: (seat, title) => `Ticket for ${title}, seat ${seat}`,
    noTickets: "You have no tickets.",
    legend: "□ free, ■ taken",
    fieldTitle: "What is it called?", fieldWhen: "When is it?", fieldRows: "How many rows?", fieldColumns: "How many seats in a row?",
    left: "Nothing was put on.",
    tooMany: "There are too many events.",
    puton: (n, title) => `Event ${n}: ${title}, {when}. Let people in with **check CODE**.`,
    unknown: "No ticket of your events has this code.",
    used: seat => `Seat ${seat}: somebody has come in with this ticket already.`,
    welcome: seat => `Seat ${seat}: welcome.`,
  },
  zh: {
    help: "**活动** 看有哪些，**订座 1 B3** 要一个座位，**我的票** 看票，**办活动** 办一场活动。",
    none: "还没有活动。输入 **办活动** 办一场。",
    number: "号", title: "活动", when: "时间", free: "余票",
    noEvent: n => `没有第 ${n} 场活动。`,
    noSeat: "没有这个座位；座位写成 B3 这样。",
    taken: seat => `${seat} 已经有人了。`,
    busy: "现在订票的人很多，请再试一次。",
    full: "你的票太多了。",
    booked: (seat, title) => `${title}，{when}，你的座位是 **${seat}**。`,
    ticket: (seat, title) => `${title}的票，座位 ${seat}`,
    noTickets: "你还没有票。",
    legend: "□ 空位，■ 已订",
    fieldTitle: "活动叫什么？", fieldWhen: "什么时候？", fieldRows: "几排？", fieldColumns: "每排几个座位？",
    left: "没有办成。",
    tooMany: "活动太多了。",
    puton: (n, title) => `第 ${n} 场：${title}，{when}。输入 **检票 票号** 让人进场。`,
    unknown: "你的活动里没有这张票。",
    used: seat => `座位 ${seat}：这张票已经用过了。`,
    welcome: seat => `座位 ${seat}：欢迎。`,
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const me = event.user.id;
  const state = { doing: {}, ...event.state };

  switch (event.type) {
    case "open": return read({ what: "events" }, "program", ["events"]);
    case "text": {
      const typed = /^\s*(\d{1,6})\s*$/.exec(event.data.text);
      return typed ? command("seats", { event: Number(typed[1]) }) : say(texts.help);
    }
    case "command": return command(event.data.name, event.data.args);
    case "form": return form(event.data);
    case "kv.result": return kept(event.data);
    default: return keep();
  }

  function keep(...effects) { return { state, effects }; }
  function say(text, more = {}) { return keep({ type: "ui.send", to: "user", text, ...more }); }
  function date(seconds) { return { date: seconds, style: "datetime" }; }

  function read(doing, space, keys) {
    const tag = `t${event.id}`;
    state.doing = Object.fromEntries([...Object.entries(state.doing).slice(-20), [tag, { tries: 0, ...doing, by: me }]]);
    return keep({ type: "kv.get", tag, space, keys });
  }

  function write(doing, space, key, value, version) {
    const tag = `t${event.id}`;
    state.doing[tag] = doing;
    return keep({ type: "kv.set", tag, space, key, value, if_version: version });
  }

  function command(name, args) {
    switch (name) {
      case "events": return read({ what: "events" }, "program", ["events"]);
      case "mine": return read({ what: "mine" }, "person", ["tickets"]);
      case "seats": return read({ what: "seats", n: args.event }, "program", ["events", key(args.event)]);
      case "book": {
        if (args.seat === null) return command("seats", args);
        const seat = String(args.seat).trim().toUpperCase();
        return read({ what: "book", n: args.event, seat }, "program", ["events", key(args.event)]);
      }
      case "check": return read({ what: "check", code: String(args.code).trim().toLowerCase() }, "program", ["events"]);
      case "new": return keep({
        type: "ui.send", to: "user",
        form: {
          name: "event",
          fields: [
            { name: "title", label: texts.fieldTitle, type: "text", max_length: 60 },
            { name: "when", label: texts.fieldWhen, type: "date" },
            { name: "rows", label: texts.fieldRows, type: "integer", min: 1, max: MAX_ROWS },
            { name: "columns", label: texts.fieldColumns, type: "integer", min: 1, max: MAX_COLUMNS },
          ],
        },
      });
      default: return say(texts.help);
    }
  }

  function form(data) {
    const { title, when, rows, columns } = data.values ?? {};
    if (data.form !== "event" || !title) return say(texts.left);
    return read({ what: "new", made: { title: clean(title), when, rows, columns } }, "program", ["events"]);
  }

  function kept(data) {
    const doing = state.doing[data.tag];
    if (!doing || doing.by !== me) return keep();
    delete state.doing[data.tag];
    if (!data.ok) {
      if (data.error !== "conflict" || doing.tries >= MAX_TRIES) return say(texts.busy);
      // Somebody was faster: look at what there is now, and try again.
      const { space, keys, ...again } = doing.from;
      return read({ ...again, tries: doing.tries + 1 }, space, keys);
    }
    if (data.op === "set") return written(doing);
    const item = name => data.items[name] ?? { value: null, version: 0 };
    const events = item("events").value ?? [];
    const found = events.find(one => one.n === doing.n);
    const from = { ...doing, space: data.space, keys: Object.keys(data.items) };
    switch (doing.what) {
      case "events": return list(events);
      case "mine": return mine(item("tickets").value ?? []);
      case "new": {
        if (events.length >= MAX_EVENTS) return say(texts.tooMany);
        const one = { n: Math.max(0, ...events.map(other => other.n)) + 1, ...doing.made, owner: me };
        return write({ ...doing, from, one }, "program", "events", [...events, one], item("events").version);
      }
      case "seats": return found ? plan(found, item(key(found.n)).value ?? {}) : say(texts.noEvent(doing.n));
      case "book": return found ? book(found, item(key(found.n)), doing, from) : say(texts.noEvent(doing.n));
      case "ticket": {
        const tickets = item("tickets");
        const value = [...(tickets.value ?? []), doing.ticket].slice(-MAX_TICKETS);
        return write({ ...doing, from, what: "ticket" }, "person", "tickets", value, tickets.version);
      }
      case "check": {
        const own = events.filter(one => one.owner === me).map(one => key(one.n));
        return own.length ? read({ ...doing, what: "find" }, "program", own) : say(texts.unknown);
      }
      case "find": return find(data.items, doing, from);
      default: return keep();
    }
  }

  function written(doing) {
    switch (doing.what) {
      case "new": return say(texts.puton(doing.one.n, doing.one.title), { values: { when: date(doing.one.when) } });
      case "book": return read({ what: "ticket", ticket: doing.ticket }, "person", ["tickets"]);
      case "ticket": return show(doing.ticket);
      case "find": return say(texts.welcome(doing.seat));
      default: return keep();
    }
  }

  function list(events) {
    if (!events.length) return say(texts.none);
    return say(texts.help, {
      table: {
        columns: [{ label: texts.number, align: "end" }, { label: texts.title }, { label: texts.when }],
        rows: events.map(one => [one.n, one.title, date(one.when)]),
      },
    });
  }

  function plan(one, seats) {
    const lines = [`   ${Array.from({ length: one.columns }, (_, c) => String(c + 1).padStart(2)).join(" ")}`];
    for (let row = 0; row < one.rows; row++) {
      const letter = String.fromCharCode(65 + row);
      const marks = Array.from({ length: one.columns }, (_, c) => (seats[`${letter}${c + 1}`] ? " ■" : " □"));
      lines.push(`${letter}  ${marks.join(" ")}`);
    }
    return say(`**${one.title}**, {when}\n\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n\n${texts.legend}`, { values: { when: date(one.when) } });
  }

  function book(one, item, doing, from) {
    const found = /^([A-Z])([1-9][0-9]?)$/.exec(doing.seat);
    if (!found || found[1].charCodeAt(0) - 65 >= one.rows || Number(found[2]) > one.columns) return say(texts.noSeat);
    const seats = item.value ?? {};
    if (seats[doing.seat]) return say(texts.taken(doing.seat));
    // Nobody but the host knew this seed before: so nobody can guess the code.
    const code = event.seed.slice(0, 20);
    const ticket = { n: one.n, title: one.title, when: one.when, seat: doing.seat, code };
    const value = { ...seats, [doing.seat]: { code, in: false } };
    return write({ ...doing, from, ticket }, "program", key(one.n), value, item.version);
  }

  function show(ticket) {
    return say(texts.booked(ticket.seat, ticket.title), {
      values: { when: date(ticket.when) },
      picture: { qr: ticket.code, alt: `${texts.ticket(ticket.seat, ticket.title)}: ${ticket.code}` },
    });
  }

  function mine(tickets) {
    if (!tickets.length) return say(texts.noTickets);
    return keep(...tickets.slice(-5).map(ticket => show(ticket).effects[0]));
  }

  function find(items, doing, from) {
    for (const [name, item] of Object.entries(items)) {
      for (const [seat, sold] of Object.entries(item.value ?? {})) {
        if (sold.code !== doing.code) continue;
        if (sold.in) return say(texts.used(seat));
        const value = { ...item.value, [seat]: { ...sold, in: true } };
        return write({ ...doing, from, seat }, "program", name, value, item.version);
      }
    }
    return say(texts.unknown);
  }
}

function key(n) { return `seats/${Math.abs(Math.trunc(Number(n) || 0))}`; }

/** Text of a person, without what would be Markdown or a value. */
function clean(text) { return String(text).replace(/[\\*_`[\]{}<>\n]/g, "").trim(); }
