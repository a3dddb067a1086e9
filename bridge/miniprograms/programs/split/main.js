// Bills are split evenly among those who have joined when they are paid.
// State: { currency, people: [{ id, name }], paid: [{ by, cents, what, among: [index…] }] }, by and among in people.

const MAX_PEOPLE = 20, MAX_PAYMENTS = 100, MAX_CENTS = 1e9;
const WITHOUT_CENTS = ["JPY", "KRW", "VND", "ISK", "CLP"];

const TEXTS = {
  en: {
    help: "Everybody types **join NAME** first. Then **paid 12.50 pizza** for what you paid for all, and **settle** at the end.",
    joined: name => `${name} takes part.`,
    name: "A name has 1 to 30 letters.",
    nameTaken: "Somebody has that name already.",
    full: "No more people can take part.",
    first: "Type **join NAME** first.",
    amount: "Give an amount above 0, like 12.50.",
    many: "There are too many payments; settle, and start afresh.",
    noted: (name, what) => `${name} paid {sum}${what ? ` for ${what}` : ""}, {each} each for {n}.`,
    nobody: "Nobody else takes part under this name.",
    gave: (from, to) => `${from} gave {sum} to ${to}.`,
    nothing: "There is nothing to strike.",
    struck: "Struck: {sum}.",
    currency: "Give a currency as three letters, like EUR.",
    used: "There are payments already: the currency stays.",
    nowIn: code => `Amounts are in ${code}.`,
    empty: "Nobody has paid anything yet.",
    even: "All are even: nobody owes anything.",
    who: "Who", what: "What", sum: "Amount", from: "From", to: "To",
    total: "{sum} in all.",
  },
  zh: {
    help: "每个人先输入 **入伙 名字**。替大家付了钱就输入 **付了 12.50 披萨**，最后输入 **结算**，看谁该给谁多少。",
    joined: name => `${name}加入了。`,
    name: "名字要有 1 到 30 个字。",
    nameTaken: "已经有人用这个名字了。",
    full: "人数已满。",
    first: "请先输入 **入伙 名字**。",
    amount: "请给出大于 0 的金额，例如 12.50。",
    many: "付款太多了，请先结算再重新开始。",
    noted: (name, what) => `${name}付了 {sum}${what ? `（${what}）` : ""}，{n} 人每人 {each}。`,
    nobody: "没有别人用这个名字。",
    gave: (from, to) => `${from}给了${to} {sum}。`,
    nothing: "没有可以划掉的。",
    struck: "划掉了：{sum}。",
    currency: "请用三个字母给出币种，例如 CNY。",
    used: "已经有付款了，币种不能再改。",
    nowIn: code => `金额以 ${code} 计。`,
    empty: "还没有人付过钱。",
    even: "大家两清了。",
    who: "谁", what: "内容", sum: "金额", from: "付款人", to: "收款人",
    total: "共 {sum}。",
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const me = event.user.id;
  const bill = event.state ?? { currency: event.locale.startsWith("zh") ? "CNY" : "EUR", people: [], paid: [] };
  const mine = bill.people.findIndex(person => person.id === me);
  const scale = WITHOUT_CENTS.includes(bill.currency) ? 1 : 100;

  if (event.type === "open" || event.type === "text") return tell(bill, texts.help);
  if (event.type !== "command") return { state: bill, effects: [] };
  switch (event.data.name) {
    case "join": return join(clean(event.data.args.name));
    case "paid": return paid(event.data.args.amount, clean(event.data.args.what ?? ""));
    case "gave": return gave(event.data.args.amount, clean(event.data.args.name));
    case "takeback": return undo();
    case "currency": return currency(String(event.data.args.code).trim().toUpperCase());
    case "list": return list();
    case "settle": return settle();
    default: return tell(bill, texts.help);
  }

  /** @returns {Courtyard.Answer} */
  function tell(state, text, more = {}) { return { state, effects: [{ type: "ui.send", text: named(text), ...more }] }; }

  /** In a room, what is said to the program begins with "!": so do the words that it names. */
  function named(text) {
    return event.chat.kind === "room" ? text.replace(/\*\*(join|paid|settle|入伙|付了|结算)/g, "**!$1") : text;
  }
  function money(cents) { return { money: { amount: cents, currency: bill.currency } }; }
  function nameOf(index) { return bill.people[index]?.name ?? "?"; }

  function join(name) {
    if (!name || [...name].length > 30) return tell(bill, texts.name);
    if (bill.people.some(person => person.id !== me && person.name === name)) return tell(bill, texts.nameTaken);
    const people = bill.people.map(person => (person.id === me ? { id: me, name } : person));
    if (mine < 0) people.push({ id: me, name });
    if (people.length > MAX_PEOPLE) return tell(bill, texts.full);
    return tell({ ...bill, people }, texts.joined(name));
  }

  function paid(amount, what) {
    if (mine < 0) return tell(bill, texts.first);
    const cents = Math.round(Number(amount) * scale);
    if (!(cents > 0 && cents <= MAX_CENTS)) return tell(bill, texts.amount);
    if (bill.paid.length >= MAX_PAYMENTS) return tell(bill, texts.many);
    const among = bill.people.map((_, index) => index);
    const entry = { by: mine, cents, what: what.slice(0, 40), among };
    return tell({ ...bill, paid: [...bill.paid, entry] }, texts.noted(nameOf(mine), entry.what), {
      values: { sum: money(cents), each: money(Math.round(cents / among.length)), n: among.length },
    });
  }

  function gave(amount, name) {
    if (mine < 0) return tell(bill, texts.first);
    const cents = Math.round(Number(amount) * scale);
    if (!(cents > 0 && cents <= MAX_CENTS)) return tell(bill, texts.amount);
    if (bill.paid.length >= MAX_PAYMENTS) return tell(bill, texts.many);
    const to = bill.people.findIndex((person, index) => index !== mine && person.name === name);
    if (to < 0) return tell(bill, texts.nobody);
    const entry = { by: mine, cents, what: `→ ${name}`, among: [to] };
    return tell({ ...bill, paid: [...bill.paid, entry] }, texts.gave(nameOf(mine), name), { values: { sum: money(cents) } });
  }

  function undo() {
    const at = bill.paid.findLastIndex(entry => entry.by === mine);
    if (at < 0) return tell(bill, texts.nothing);
    return tell({ ...bill, paid: bill.paid.toSpliced(at, 1) }, texts.struck, { values: { sum: money(bill.paid[at].cents) } });
  }

  function currency(code) {
    if (!/^[A-Z]{3}$/.test(code)) return tell(bill, texts.currency);
    if (bill.paid.length) return tell(bill, texts.used);
    return tell({ ...bill, currency: code }, texts.nowIn(code));
  }

  /** @returns {Courtyard.Answer} */
  function list() {
    if (!bill.paid.length) return tell(bill, texts.empty);
    const total = bill.paid.reduce((sum, entry) => sum + entry.cents, 0);
    return tell(bill, texts.total, {
      values: { sum: money(total) },
      table: {
        columns: [{ label: texts.who }, { label: texts.what }, { label: texts.sum, align: "end" }],
        rows: bill.paid.slice(-50).map(entry => [nameOf(entry.by), entry.what, money(entry.cents)]),
      },
    });
  }

  /** @returns {Courtyard.Answer} */
  function settle() {
    const rows = transfers(bill).map(({ from, to, cents }) => [nameOf(from), nameOf(to), money(cents)]);
    if (!rows.length) return tell(bill, bill.paid.length ? texts.even : texts.empty);
    /** @type {Courtyard.Column[]} */
    const columns = [{ label: texts.from }, { label: texts.to }, { label: texts.sum, align: "end" }];
    return { state: bill, effects: [{ type: "ui.send", table: { columns, rows } }] };
  }
}

/** Who gives whom how much, so that all are even: whoever owes most pays whoever gets most. */
function transfers(bill) {
  const due = new Map(bill.people.map((_, index) => [index, 0]));
  for (const { by, cents, among } of bill.paid) {
    due.set(by, due.get(by) + cents);
    among.forEach((who, index) => {
      // The first ones take the cents that can't be split, so that the sum stays exact.
      const share = Math.floor(cents / among.length) + (index < cents % among.length ? 1 : 0);
      due.set(who, due.get(who) - share);
    });
  }
  const found = [];
  for (;;) {
    const [from, owes] = [...due].reduce((a, b) => (b[1] < a[1] ? b : a), [-1, 0]);
    const [to, gets] = [...due].reduce((a, b) => (b[1] > a[1] ? b : a), [-1, 0]);
    const cents = Math.min(-owes, gets);
    if (cents <= 0) return found;
    found.push({ from, to, cents });
    due.set(from, owes + cents);
    due.set(to, gets - cents);
  }
}

/** Text of a person, without what would be Markdown or a value. */
function clean(text) { return String(text).replace(/[\\*_`[\]{}<>\n]/g, "").trim(); }
