// One word a day (UTC), the same for all. English: five letters. Chinese: idioms of four characters.
// State: { day, language, guesses: [word…] }. Kept for each person: { played, won, streak, last, by: [wins after n guesses] }

const GUESSES = 6;

const WORDS = {
  en: ("apple beach brave bread brick bring brush cabin candy chair chalk charm chest chief child clean clear climb "
    + "clock cloud coast crane cream crown dance delay depth dream dress drift drink eagle early earth empty enjoy "
    + "equal fable faith fancy field flame flock flour focus fresh frost fruit giant glass globe grain grape grass "
    + "green guest happy heart honey horse hotel house human ideal image juice knife label laugh learn lemon level "
    + "light lucky lunch magic maple march medal melon metal month moral mouse mouth music night noble north novel "
    + "ocean olive onion orbit organ other paint panel paper party peace pearl phone piano pilot plane plant plate "
    + "point price pride prize proud queen quick quiet radio rapid reach relax river robin roast rough round royal "
    + "salad scale scarf score shade shape share sharp sheep shelf shine shore sleep slice smart smile smoke snack "
    + "solid sound south space spice spoon sport stage stair stone storm story sugar sunny sweet table taste teach "
    + "thank tiger toast tower trail train treat trust truth uncle under unity value video visit voice wagon watch "
    + "water whale wheat wheel white world young youth zebra").split(" "),
  zh: ("一心一意 三心二意 五颜六色 七上八下 九牛一毛 十全十美 百发百中 千变万化 万紫千红 一石二鸟 画蛇添足 守株待兔 "
    + "对牛弹琴 亡羊补牢 井底之蛙 狐假虎威 掩耳盗铃 刻舟求剑 自相矛盾 叶公好龙 愚公移山 杯弓蛇影 打草惊蛇 马到成功 "
    + "虎头蛇尾 鸡飞狗跳 如鱼得水 水滴石穿 山清水秀 春暖花开 风和日丽 雪中送炭 锦上添花 半途而废 自言自语 心想事成 "
    + "开门见山 一目了然 不可思议 东张西望 南辕北辙 左右为难 大同小异 小心翼翼 名副其实 实事求是 花好月圆 天长地久").split(" "),
};

const TEXTS = {
  en: {
    help: length => `Guess the word of the day: ${length} letters, ${GUESSES} guesses. `
      + "🟩 right place, 🟨 in the word elsewhere, ⬛ not in it.",
    length: length => `A guess has ${length} letters.`,
    left: n => n === 1 ? "1 guess left." : `${n} guesses left.`,
    won: n => `**You have it** with guess ${n}. The next word comes tomorrow.`,
    lost: word => `The word was **${word}**. The next one comes tomorrow.`,
    done: "You have played today's word. The next one comes tomorrow.",
    stats: s => `Played ${s.played}, won ${s.won}, ${s.streak} in a row.`,
    guess: "Guesses", times: "Times",
  },
  zh: {
    help: length => `猜今天的成语：${length} 个字，${GUESSES} 次机会。🟩 位置对，🟨 有这个字但位置不对，⬛ 没有这个字。`,
    length: length => `请猜 ${length} 个字。`,
    left: n => `还有 ${n} 次机会。`,
    won: n => `**猜对了！** 用了 ${n} 次。明天有新的成语。`,
    lost: word => `答案是**${word}**。明天有新的成语。`,
    done: "今天的已经猜过了，明天有新的成语。",
    stats: s => `玩过 ${s.played} 次，猜对 ${s.won} 次，连续 ${s.streak} 天。`,
    guess: "次数", times: "几回",
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const spoken = event.locale.split("-")[0];
  const today = Math.floor(event.now / 86400);
  const game = event.state?.day === today ? event.state : { day: today, language: WORDS[spoken] ? spoken : "en", guesses: [] };
  const texts = TEXTS[game.language];
  const word = wordOf(game.day, game.language);
  const length = [...word].length;
  /** @type {(tag: string) => Courtyard.Effect} */
  const stats = tag => ({ type: "kv.get", tag, space: "person", keys: ["stats"] });

  switch (event.type) {
    case "open":
      return { state: game, effects: [{ type: "ui.send", key: "board", text: board() || texts.help(length) }, stats("open")] };
    case "text":
      return guess(event.data.text.trim().toLowerCase());
    case "command":
      return { state: game, effects: [stats("show")] };
    case "kv.result":
      return kept(event.data);
    default:
      return { state: game, effects: [] };
  }

  /** @returns {Courtyard.Answer} */
  function guess(text) {
    const before = game.guesses;
    if (over(before)) return say(texts.done);
    if ([...text].length !== length || !(game.language === "zh" ? /^\p{Script=Han}+$/u : /^[a-z]+$/).test(text)) {
      return say(texts.length(length));
    }
    game.guesses = [...before, text];
    /** @type {Courtyard.Effect[]} */
    const effects = [{ type: "ui.update", key: "board", text: board() }];
    if (over(game.guesses)) effects.push(stats("finish"));
    return { state: game, effects };
  }

  function over(guesses) { return guesses.at(-1) === word || guesses.length >= GUESSES; }
  /** @returns {Courtyard.Answer} */
  function say(text) { return { state: game, effects: [{ type: "ui.send", text }] }; }

  function board() {
    if (!game.guesses.length) return "";
    const rows = game.guesses.map(one => `${marks([...one], [...word])} ${game.language === "en" ? one.toUpperCase() : one}`);
    const last = game.guesses.at(-1) === word ? texts.won(game.guesses.length)
      : game.guesses.length >= GUESSES ? texts.lost(word) : texts.left(GUESSES - game.guesses.length);
    return `${rows.join("\n")}\n\n${last}`;
  }

  /** @returns {Courtyard.Answer} */
  function kept(data) {
    const item = data.items?.stats;
    const known = item?.value ?? { played: 0, won: 0, streak: 0, last: 0, by: [0, 0, 0, 0, 0, 0] };
    if (data.op !== "get") return { state: game, effects: [] };
    if (data.tag === "show") {
      /** @type {Courtyard.Column[]} */
      const columns = [{ label: texts.guess, align: "end" }, { label: texts.times, align: "end" }];
      return { state: game, effects: [{
        type: "ui.send", text: texts.stats(known), table: { columns, rows: known.by.map((n, index) => [index + 1, n]) },
      }] };
    }
    if (data.tag === "open") {
      // Played already, in an earlier session of today.
      if (known.last !== today || over(game.guesses)) return { state: game, effects: [] };
      game.guesses = known.guesses ?? [];
      return { state: game, effects: [{ type: "ui.update", key: "board", text: board() || texts.done }] };
    }
    if (data.tag !== "finish" || known.last === today || !over(game.guesses)) return { state: game, effects: [] };
    const won = game.guesses.at(-1) === word;
    const value = {
      played: known.played + 1,
      won: known.won + Number(won),
      streak: won ? (known.last === today - 1 ? known.streak : 0) + 1 : 0,
      last: today,
      by: known.by.map((n, index) => n + Number(won && index === game.guesses.length - 1)),
      guesses: game.guesses,
    };
    return { state: game, effects: [{ type: "kv.set", tag: "kept", space: "person", key: "stats", value, if_version: item?.version ?? 0 }] };
  }
}

/** The word of a day: the days go through the list in an order that does not look like one. */
function wordOf(day, language) {
  const words = WORDS[language];
  return words[(day * 89 + Math.floor(day / words.length) * 7) % words.length];
}

/** Each letter of the word marks one letter of the guess at most. */
function marks(guess, word) {
  const found = guess.map((letter, index) => (letter === word[index] ? "🟩" : "⬛"));
  const rest = word.filter((_, index) => found[index] !== "🟩");
  guess.forEach((letter, index) => {
    const at = rest.indexOf(letter);
    if (found[index] === "⬛" && at >= 0) {
      found[index] = "🟨";
      rest.splice(at, 1);
    }
  });
  return found.join("");
}
