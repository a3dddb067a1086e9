// A canteen. What all share is one value in the space of the program: { owner, next, dishes, orders }, changed by
// compare-and-set, so that two orders at the same moment are two orders. The name that somebody granted lies apart, in a
// value of their own: so it can be deleted when they leave for good, without a look at anything else.
// State of a session: { carts: { user: { dish: count } }, names: { user: name }, doing: { tag: what is being changed } }

const CURRENCY = "EUR";
const MAX_DISHES = 30, MAX_COUNT = 20, MAX_ORDERS = 19, MAX_TRIES = 3, MAX_BYTES = 8000;

const TEXTS = {
  en: {
    closed: "The kitchen has no dishes yet. Whoever runs it types **kitchen**.",
    help: "Type **1** for the first dish, **cart** to look, **order** when you are ready.",
    dish: "Dish", price: "Price", count: "Count", number: "No.", who: "For", what: "What",
    none: n => `There is no dish ${n}.`,
    counted: `Between 1 and ${MAX_COUNT}, please.`,
    added: (count, name) => `${count} × ${name} in your cart.`,
    dropped: name => `${name} is out of your cart.`,
    empty: "Your cart is empty.",
    total: "{sum} in all. Type **order** to order.",
    name: "May I have your name, so that we can call you?",
    ordered: (n, named) => `**Order ${n}**, {sum}. We call ${named ? "you" : "the number"} when it is ready.`,
    busy: "The kitchen is very busy. Please try again.",
    full: "The kitchen has too many open orders. Please try again later.",
    kitchen: "You run the kitchen. Add dishes with **dish 4.50 Soup**.",
    notYours: "That is for the kitchen.",
    noOrders: "No open orders.",
    amount: "A price is between 0 and 1000.",
    dishes: "There is no room for another dish.",
    dishName: "A dish needs a name of up to 40 letters.",
    newDish: (n, name) => `${n}. ${name}, {sum}.`,
    off: name => `${name} is off.`,
    noOrder: n => `There is no open order ${n}.`,
    done: n => `Order ${n} is ready.`,
    guest: "a guest",
  },
  zh: {
    closed: "厨房还没有菜。管厨房的人请输入 **厨房**。",
    help: "输入 **1** 点第一道菜，**购物车** 看选了什么，**下单** 送到厨房。",
    dish: "菜", price: "价格", count: "份数", number: "号", who: "顾客", what: "内容",
    none: n => `没有第 ${n} 道菜。`,
    counted: `请输入 1 到 ${MAX_COUNT}。`,
    added: (count, name) => `购物车里有 ${count} 份${name}。`,
    dropped: name => `已拿走${name}。`,
    empty: "购物车是空的。",
    total: "共 {sum}。输入 **下单** 就送到厨房。",
    name: "可以告诉我们你的名字吗？做好了好叫你。",
    ordered: (n, named) => `**${n} 号订单**，{sum}。做好了叫${named ? "你" : "号"}。`,
    busy: "厨房太忙了，请再试一次。",
    full: "未完成的订单太多了，请稍后再试。",
    kitchen: "厨房归你管。输入 **加菜 4.50 汤** 就多一道菜。",
    notYours: "这是厨房才能做的。",
    noOrders: "没有未完成的订单。",
    amount: "价格要在 0 到 1000 之间。",
    dishes: "菜已经太多了。",
    dishName: "菜名要有 1 到 40 个字。",
    newDish: (n, name) => `${n}. ${name}，{sum}。`,
    off: name => `${name}卖完了。`,
    noOrder: n => `没有未完成的 ${n} 号订单。`,
    done: n => `${n} 号订单好了。`,
    guest: "客人",
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const me = event.user.id;
  const state = { carts: {}, names: {}, doing: {}, ...event.state };
  const cart = state.carts[me] ?? {};

  switch (event.type) {
    case "open": return ask({ what: "menu" });
    case "command": return command(event.data.name, event.data.args);
    case "text": {
      const typed = /^\s*(\d{1,2})(?:\s+(\d{1,2}))?\s*$/.exec(event.data.text);
      return typed ? command("add", { dish: Number(typed[1]), count: Number(typed[2] ?? 1) }) : say(texts.help);
    }
    case "scope.result":
      return event.data.tag === "name" ? ask({ what: "order", tries: 0, asked: true }) : keep();
    case "kv.result": return kept(event.data);
    case "close": return event.data.reason === "left" ? keep({ type: "kv.del", space: "program", key: nameKey(me) }) : keep();
    default: return keep();
  }

  function keep(...effects) { return { state, effects }; }
  function say(text, more = {}) { return keep({ type: "ui.send", to: "user", text, ...more }); }
  function money(cents) { return { money: { amount: cents, currency: CURRENCY } }; }

  /** First the shared value has to be read: what is to be done with it waits in the state. */
  function ask(doing) {
    const tag = `t${event.id}`;
    state.doing = Object.fromEntries([...Object.entries(state.doing).slice(-20), [tag, { ...doing, by: me }]]);
    return keep({ type: "kv.get", tag, space: "program", keys: ["canteen"] });
  }

  function command(name, args) {
    switch (name) {
      case "cart": return ask({ what: "cart" });
      case "order":
        if (!Object.keys(cart).length) return say(texts.empty);
        if (event.user.profile.name || state.names[me] !== undefined) return ask({ what: "order", tries: 0 });
        state.names[me] = "";
        return keep({ type: "scope.request", tag: "name", scopes: ["profile.name"] });
      case "dish": {
        const cents = Math.round(args.price * 100), dish = clean(args.name);
        if (!(cents >= 0 && cents <= 100000)) return say(texts.amount);
        if (!dish || [...dish].length > 40) return say(texts.dishName);
        return ask({ what: "dish", cents, dish, tries: 0 });
      }
      default: return ask({ what: name, n: args.dish ?? args.number ?? 0, count: args.count ?? 1, tries: 0 });
    }
  }

  function kept(data) {
    const doing = state.doing[data.tag];
    if (!doing || doing.by !== me) return keep();
    delete state.doing[data.tag];
    const item = data.items.canteen ?? { value: null, version: 0 };
    const canteen = item.value ?? { owner: null, next: 1, dishes: [], orders: [] };
    if (data.op !== "get") return stored(data, doing);
    const todo = { ...doing, version: item.version };
    const dish = canteen.dishes.find(one => one.n === doing.n);
    switch (doing.what) {
      case "menu": return menu(canteen);
      case "cart": return showCart(canteen);
      case "add":
        if (!dish) return say(texts.none(doing.n));
        if (!(doing.count >= 1 && (cart[dish.n] ?? 0) + doing.count <= MAX_COUNT)) return say(texts.counted);
        state.carts[me] = { ...cart, [dish.n]: (cart[dish.n] ?? 0) + doing.count };
        return say(texts.added(state.carts[me][dish.n], dish.name));
      case "drop":
        if (!dish || !cart[dish.n]) return say(texts.none(doing.n));
        state.carts[me] = Object.fromEntries(Object.entries(cart).filter(([n]) => Number(n) !== dish.n));
        return say(texts.dropped(dish.name));
      case "order": return order(canteen, todo);
      case "kitchen":
        if (canteen.owner === null) return change(canteen => { canteen.owner = me; }, canteen, todo, texts.kitchen);
        return canteen.owner === me ? guests(canteen, doing) : say(texts.notYours);
      case "guests": return canteen.owner === me ? kitchen(canteen, data.items) : say(texts.notYours);
    }
    if (canteen.owner !== me) return say(texts.notYours);
    switch (doing.what) {
      case "dish": {
        if (canteen.dishes.length >= MAX_DISHES) return say(texts.dishes);
        const n = Math.max(0, ...canteen.dishes.map(one => one.n)) + 1;
        const add = canteen => { canteen.dishes.push({ n, name: doing.dish, cents: doing.cents }); };
        return change(add, canteen, todo, texts.newDish(n, doing.dish), { values: { sum: money(doing.cents) } });
      }
      case "soldout":
        if (!dish) return say(texts.none(doing.n));
        return change(c => { c.dishes = c.dishes.filter(one => one.n !== dish.n); }, canteen, todo, texts.off(dish.name));
      case "done":
        if (!canteen.orders.some(one => one.n === doing.n)) return say(texts.noOrder(doing.n));
        return change(c => { c.orders = c.orders.filter(one => one.n !== doing.n); }, canteen, todo, texts.done(doing.n));
    }
    return keep();
  }

  /** Store the changed value if nobody was faster; people are told by `stored`, once it is true. */
  function change(how, canteen, doing, text, more = {}, ...effects) {
    how(canteen);
    if (bytes(canteen) > MAX_BYTES) return say(texts.full);
    const tag = `t${event.id}`;
    state.doing[tag] = { ...doing, told: { text, ...more } };
    return keep({ type: "kv.set", tag, space: "program", key: "canteen", value: canteen, if_version: doing.version }, ...effects);
  }

  function stored(data, doing) {
    if (data.ok) {
      if (doing.what === "order") delete state.carts[me];
      return say(doing.told.text, { ...doing.told });
    }
    if (data.error !== "conflict" || doing.tries >= MAX_TRIES) return say(data.error === "quota" ? texts.full : texts.busy);
    const { told, version, ...again } = doing;
    return ask({ ...again, tries: doing.tries + 1 });
  }

  function menu(canteen) {
    if (!canteen.dishes.length) return say(texts.closed);
    return say(texts.help, {
      table: {
        columns: [{ align: "end" }, { label: texts.dish }, { label: texts.price, align: "end" }],
        rows: canteen.dishes.map(one => [one.n, one.name, money(one.cents)]),
      },
    });
  }

  function chosen(canteen) {
    return canteen.dishes.filter(one => cart[one.n]).map(one => ({ ...one, count: cart[one.n] }));
  }

  function sum(items) { return items.reduce((total, one) => total + one.count * one.cents, 0); }

  function showCart(canteen) {
    const items = chosen(canteen);
    if (!items.length) return say(texts.empty);
    return say(texts.total, {
      values: { sum: money(sum(items)) },
      table: {
        columns: [{ label: texts.count, align: "end" }, { label: texts.dish }, { label: texts.price, align: "end" }],
        rows: items.map(one => [one.count, one.name, money(one.count * one.cents)]),
      },
    });
  }

  function order(canteen, doing) {
    const items = chosen(canteen);
    if (!items.length) return say(texts.empty);
    if (canteen.orders.length >= MAX_ORDERS) return say(texts.full);
    const n = canteen.next;
    const name = clean(event.user.profile.name ?? "").slice(0, 40), by = name ? me : null;
    const what = items.map(one => `${one.count} × ${one.name}`).join(", ").slice(0, 150);
    const add = canteen => { canteen.next = n + 1; canteen.orders.push({ n, by, what, cents: sum(items) }); };
    const named = name ? [{ type: "kv.set", space: "program", key: nameKey(me), value: name }] : [];
    return change(add, canteen, doing, texts.ordered(n, name), { values: { sum: money(sum(items)) } }, ...named);
  }

  /** For whom the orders are has to be read, too. */
  function guests(canteen, doing) {
    const names = [...new Set(canteen.orders.map(one => one.by).filter(by => by))].slice(0, MAX_ORDERS).map(nameKey);
    if (!names.length) return kitchen(canteen, {});
    const tag = `t${event.id}`;
    state.doing[tag] = { ...doing, what: "guests" };
    return keep({ type: "kv.get", tag, space: "program", keys: ["canteen", ...names] });
  }

  function kitchen(canteen, items) {
    const who = one => (one.by && items[nameKey(one.by)]?.value) || texts.guest;
    if (!canteen.orders.length) return say(canteen.dishes.length ? texts.noOrders : texts.kitchen);
    return keep({
      type: "ui.send", to: "user",
      table: {
        columns: [{ label: texts.number, align: "end" }, { label: texts.who }, { label: texts.what }, { label: texts.price, align: "end" }],
        rows: canteen.orders.slice(0, 50).map(one => [one.n, who(one), one.what, money(one.cents)]),
      },
    });
  }
}

function nameKey(user) { return `name/${user}`; }

/** What a value takes when it is stored. */
function bytes(value) { return encodeURIComponent(JSON.stringify(value)).replace(/%[0-9A-F]{2}/g, "x").length; }

/** Text of a person, without what would be Markdown or a value. */
function clean(text) { return String(text).replace(/[\\*_`[\]{}<>\n]/g, "").trim(); }
