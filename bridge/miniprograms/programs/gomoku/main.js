// Gomoku on 15 × 15: freestyle, black begins, five or more in a row win.
// State: { moves: [cell…], black, white, over, undo } with cell = row * 15 + column, black and white user ids or "bot".

const SIZE = 15;
const DIRECTIONS = [[0, 1], [1, 0], [1, 1], [1, -1]];

const TEXTS = {
  en: {
    alone: "You are black and begin: type a place like **h8**. **takeback** takes your last stone back.",
    together: "Who types a place first, like **h8**, is black; who answers is white.",
    where: "Places go from **a1** to **o15**.",
    taken: "There is a stone already.",
    turn: "It is not your turn.",
    players: "Two others are playing; wait for the next game.",
    black: "⚫ black", white: "⚪ white",
    next: who => `${who} to move.`,
    won: who => `**${who} wins.** Type **new** for another game.`,
    full: "The board is full: a draw. Type **new** for another game.",
    over: "This game is over. Type **new** for another one.",
    resigned: who => `${who} gives up. Type **new** for another game.`,
    nothing: "There is nothing to take back.",
    ask: who => `${who} asks to take the last stone back.`,
    agree: "Agree", refuse: "Refuse",
    refused: "No: the stone stays.",
    notYours: "That is for the other player to say.",
    undone: "Taken back.",
  },
  zh: {
    alone: "你执黑先行：输入位置，例如 **h8**。**悔棋** 可以悔一步。",
    together: "先输入位置（例如 **h8**）的人执黑，回应的人执白。",
    where: "位置从 **a1** 到 **o15**。",
    taken: "这里已经有棋子了。",
    turn: "还没轮到你。",
    players: "另外两人正在下，请等下一局。",
    black: "⚫ 黑方", white: "⚪ 白方",
    next: who => `轮到${who}。`,
    won: who => `**${who}胜。** 输入 **新局** 再来一局。`,
    full: "棋盘满了：和棋。输入 **新局** 再来一局。",
    over: "这局已经结束。输入 **新局** 再来一局。",
    resigned: who => `${who}认输。输入 **新局** 再来一局。`,
    nothing: "没有可以悔的棋。",
    ask: who => `${who}请求悔棋。`,
    agree: "同意", refuse: "不同意",
    refused: "不同意：棋子不动。",
    notYours: "这要由对方决定。",
    undone: "已悔棋。",
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const alone = event.chat.kind === "dm";
  const me = event.user.id;
  const game = event.state ?? fresh();

  switch (event.type) {
    case "open":
      return show(game, game.moves.length ? status() : greeting(), "ui.send");
    case "text":
      return play(event.data.text);
    case "command":
      switch (event.data.name) {
        case "play": return play(event.data.args.place);
        case "new": return show(fresh(), greeting(), "ui.send");
        case "takeback": return undo();
        case "resign": return resign();
      }
      return keep();
    case "choice":
      return answer(event.data.choice);
    default:
      return keep();
  }

  function keep(...effects) { return { state: game, effects }; }
  function say(text) { return keep({ type: "ui.send", text: named(text), to: "user" }); }

  /** In a room, what is said to the program begins with "!": so do the words that it names. */
  function named(text) { return alone ? text : text.replace(/\*\*(new|h8|新局)/g, "**!$1"); }
  function greeting() { return alone ? texts.alone : texts.together; }
  function name(color) { return color === 0 ? texts.black : texts.white; }

  function status() {
    return game.over ? texts.over : texts.next(name(game.moves.length % 2));
  }

  function play(text) {
    const cell = parse(String(text));
    if (cell === null) return say(texts.where);
    if (game.over) return say(texts.over);
    if (game.moves.includes(cell)) return say(texts.taken);
    const color = game.moves.length % 2;
    const seat = color === 0 ? "black" : "white";
    const next = { ...game, undo: null };
    if (game[seat] === null) {
      if (!alone && color === 1 && game.black === me) return say(texts.turn);
      next[seat] = me;
    } else if (game[seat] !== me) {
      return say(game.black === me || game.white === me ? texts.turn : texts.players);
    }
    next.moves = [...game.moves, cell];
    let text2 = finish(next);
    if (alone && !next.over) {
      next.white = "bot";
      next.moves.push(choose(next.moves));
      text2 = finish(next);
    }
    return show(next, text2, "ui.update");
  }

  /** Notes in `next` whether the last stone ended the game, and says so. */
  function finish(next) {
    const color = (next.moves.length - 1) % 2;
    if (wins(board(next.moves), next.moves.at(-1), color)) {
      next.over = true;
      return texts.won(name(color));
    }
    if (next.moves.length === SIZE * SIZE) {
      next.over = true;
      return texts.full;
    }
    return texts.next(name(1 - color));
  }

  function undo() {
    if (game.over) return say(texts.over);
    const count = alone ? 2 : 1;
    if (game.moves.length < count) return say(texts.nothing);
    if (alone) return show({ ...game, moves: game.moves.slice(0, -2) }, texts.undone, "ui.update");
    const last = (game.moves.length - 1) % 2 === 0 ? game.black : game.white;
    if (last !== me) return say(texts.nothing);
    return {
      state: { ...game, undo: me },
      effects: [{
        type: "ui.send", key: "undo", text: texts.ask(name((game.moves.length - 1) % 2)), chooser: "anyone",
        choices: [{ id: "agree", label: texts.agree }, { id: "refuse", label: texts.refuse }],
      }],
    };
  }

  function answer(choice) {
    if (!game.undo) return keep();
    const other = game.undo === game.black ? game.white : game.black;
    // Nobody has answered the first stone yet: then anybody else may say.
    if (me === game.undo || (other !== null && me !== other)) return say(texts.notYours);
    if (choice !== "agree") return { state: { ...game, undo: null }, effects: [{ type: "ui.send", text: texts.refused }] };
    return show({ ...game, undo: null, moves: game.moves.slice(0, -1) }, texts.undone, "ui.update");
  }

  function resign() {
    if (game.over) return say(texts.over);
    const color = me === game.black ? 0 : me === game.white ? 1 : null;
    if (color === null) return say(texts.turn);
    return show({ ...game, over: true }, texts.resigned(name(color)), "ui.update");
  }

  function show(next, text, type) {
    return { state: next, effects: [{ type, key: "board", text: `${draw(next.moves)}\n\n${named(text)}` }] };
  }
}

function fresh() { return { moves: [], black: null, white: null, over: false, undo: null }; }

/** "h8" as a cell, or null. */
function parse(text) {
  const found = /^\s*([a-o])\s*(1[0-5]|[1-9])\s*$/i.exec(text);
  return found ? (Number(found[2]) - 1) * SIZE + found[1].toLowerCase().charCodeAt(0) - 97 : null;
}

function board(moves) {
  const cells = Array(SIZE * SIZE).fill(-1);
  moves.forEach((cell, index) => { cells[cell] = index % 2; });
  return cells;
}

function draw(moves) {
  const cells = board(moves);
  const last = moves.at(-1);
  const lines = ["   a b c d e f g h i j k l m n o"];
  for (let row = SIZE - 1; row >= 0; row--) {
    let line = String(row + 1).padStart(2);
    for (let column = 0; column < SIZE; column++) {
      const cell = row * SIZE + column;
      const sign = ["X", "O"][cells[cell]] ?? ".";
      line += (cell === last ? "(" : column && cell - 1 === last ? ")" : " ") + sign;
    }
    lines.push(line + (last === row * SIZE + SIZE - 1 ? ")" : ""));
  }
  return "```\n" + lines.join("\n") + "\n```";
}

/** How many stones of a colour stand in line with a cell on one side. */
function run(cells, cell, color, dr, dc) {
  let row = Math.floor(cell / SIZE) + dr, column = cell % SIZE + dc, count = 0;
  while (row >= 0 && row < SIZE && column >= 0 && column < SIZE && cells[row * SIZE + column] === color) {
    count++; row += dr; column += dc;
  }
  const open = row >= 0 && row < SIZE && column >= 0 && column < SIZE && cells[row * SIZE + column] === -1;
  return { count, open };
}

function wins(cells, cell, color) {
  return DIRECTIONS.some(([dr, dc]) =>
    run(cells, cell, color, dr, dc).count + run(cells, cell, color, -dr, -dc).count >= 4);
}

/** What a stone of this colour would be worth here. */
function worth(cells, cell, color) {
  let sum = 0;
  for (const [dr, dc] of DIRECTIONS) {
    const a = run(cells, cell, color, dr, dc), b = run(cells, cell, color, -dr, -dc);
    const count = a.count + b.count, open = Number(a.open) + Number(b.open);
    if (count >= 4) sum += 1e6;
    else if (open) sum += [0, 10, 100, 1000][count] * (open === 2 ? 5 : 1);
  }
  return sum;
}

/** The bot's stone, white: its own best place, or the one that black would like best. */
function choose(moves) {
  const cells = board(moves);
  let best = [], most = -1;
  for (let cell = 0; cell < cells.length; cell++) {
    if (cells[cell] !== -1) continue;
    const row = Math.floor(cell / SIZE), column = cell % SIZE;
    const near = moves.some(other =>
      Math.abs(Math.floor(other / SIZE) - row) <= 2 && Math.abs(other % SIZE - column) <= 2);
    if (!near) continue;
    const value = 1.1 * worth(cells, cell, 1) + worth(cells, cell, 0);
    if (value > most) { most = value; best = [cell]; }
    else if (value === most) best.push(cell);
  }
  return best[Math.floor(Math.random() * best.length)];
}
