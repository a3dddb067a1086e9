// A poll (one answer a person) or a date finder (each day that suits). Nobody sees who chose what.
// State: { question, options: [text or seconds], many, votes: { user: [index…] }, owner, ended }

const MAX_OPTIONS = 10, MAX_VOTERS = 500;

const TEXTS = {
  en: {
    help: "Ask with **ask Lunch? / Soup / Salad**, or find a day with **dates Picnic / 2026-05-01 / 2026-05-02**.",
    none: "There is no poll yet.",
    two: `Give 2 to ${MAX_OPTIONS} answers, with slashes between them.`,
    long: "A question may have 200 characters, an answer 60.",
    day: text => `${text} is no day; write it like 2026-05-01.`,
    running: "There is a poll already; who asked it can **end** it.",
    notYours: "Only who asked can end it.",
    voters: n => n === 1 ? "1 person has answered." : `${n} people have answered.`,
    once: "Choose one; choosing again changes your answer.",
    each: "Choose each day that suits you; choosing it again takes it back.",
    ended: "Ended.",
    full: "Too many people are taking part.",
    votes: "Votes",
    added: "Noted.", removed: "Taken back.",
  },
  zh: {
    help: "输入 **提问 吃什么？/ 汤 / 沙拉** 发起投票，或输入 **约日子 野餐 / 2026-05-01 / 2026-05-02** 找大家都行的一天。",
    none: "还没有投票。",
    two: `请给出 2 到 ${MAX_OPTIONS} 个选项，用斜杠隔开。`,
    long: "问题最多 200 个字，选项最多 60 个字。",
    day: text => `${text} 不是日期，请写成 2026-05-01 这样。`,
    running: "已经有一个投票了；发起人可以用 **结束** 结束它。",
    notYours: "只有发起人可以结束。",
    voters: n => `已有 ${n} 人回答。`,
    once: "请选一个；再选一次就改答案。",
    each: "请选出所有方便的日子；再选一次就取消。",
    ended: "已结束。",
    full: "参与的人太多了。",
    votes: "票数",
    added: "记下了。", removed: "已取消。",
  },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const poll = event.state;
  const me = event.user.id;

  switch (event.type) {
    case "open":
      return poll ? show(poll, "ui.send") : say(texts.help, "chat");
    case "command":
      switch (event.data.name) {
        case "ask": return ask(event.data.args.question, false);
        case "dates": return ask(event.data.args.question, true);
        case "result": return poll ? show(poll, "ui.send") : say(texts.none);
        case "end": return end();
      }
      return say(texts.help);
    case "choice":
      return vote(event.data.choice);
    case "text":
      return say(texts.help);
    default:
      return { state: poll, effects: [] };
  }

  /** @param {"user" | "chat"} to  @returns {Courtyard.Answer} */
  function say(text, to = "user") { return { state: poll, effects: [{ type: "ui.send", text: named(text), to }] }; }

  /** In a room, what is said to the program begins with "!": so do the words that it names. */
  function named(text) {
    return event.chat.kind === "room" ? text.replace(/\*\*(ask|dates|end|提问|约日子|结束)/g, "**!$1") : text;
  }

  function ask(text, many) {
    if (poll && !poll.ended) return say(texts.running);
    const [question, ...answers] = String(text).split("/").map(part => part.trim()).filter(part => part);
    if (!question || answers.length < 2 || answers.length > MAX_OPTIONS) return say(texts.two);
    if (question.length > 200 || answers.some(answer => answer.length > 60)) return say(texts.long);
    /** @type {any[]} */
    const options = many ? answers.map(day) : answers;
    const wrong = options.indexOf(null);
    if (wrong >= 0) return say(texts.day(answers[wrong]));
    return show({ question, options, many, votes: {}, owner: me, ended: false }, "ui.send");
  }

  function vote(choice) {
    const index = Number(String(choice).slice(1));
    if (!poll || poll.ended || !(index in poll.options)) return { state: poll, effects: [] };
    const mine = poll.votes[me] ?? [];
    if (!(me in poll.votes) && Object.keys(poll.votes).length >= MAX_VOTERS) return say(texts.full);
    const had = mine.includes(index);
    const now = !poll.many ? [index] : had ? mine.filter(other => other !== index) : [...mine, index];
    const votes = { ...poll.votes, [me]: now };
    if (!now.length) delete votes[me];
    const answer = show({ ...poll, votes }, "ui.update");
    if (poll.many) answer.effects.push({ type: "ui.send", text: had ? texts.removed : texts.added, to: "user" });
    return answer;
  }

  function end() {
    if (!poll || poll.ended) return say(texts.none);
    return poll.owner === me ? show({ ...poll, ended: true }, "ui.update") : say(texts.notYours);
  }

  /** @returns {Courtyard.Answer} */
  function show(next, type) {
    const counts = next.options.map((_, index) => Object.values(next.votes).filter(v => v.includes(index)).length);
    const most = Math.max(...counts);
    const rows = next.options.map((option, index) => [
      next.many ? { date: option, style: "date" } : option,
      counts[index],
      counts[index] && counts[index] === most ? "★" : "",
    ]);
    const voters = texts.voters(Object.keys(next.votes).length);
    const hint = next.ended ? texts.ended : next.many ? texts.each : texts.once;
    /** @type {any} */
    const effect = {
      type, key: "poll",
      text: `**${plain(next.question)}**\n\n${voters} ${hint}`,
      table: { columns: [{}, { label: texts.votes, align: "end" }, {}], rows },
    };
    if (!next.ended) {
      effect.chooser = "anyone";
      effect.choices = next.options.map((option, index) => ({
        id: `o${index}`, label: next.many ? new Date(option * 1000).toISOString().slice(0, 10) : option,
      }));
    }
    return { state: next, effects: [effect] };
  }
}

/** Noon of a day, in seconds; null: it is none.  @returns {number | null} */
function day(text) {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T12:00:00Z`) : NaN;
  return Number.isNaN(time) || time < 0 || new Date(time).toISOString().slice(0, 10) !== text ? null : time / 1000;
}

/** Text of a person, without what would be Markdown or a value. */
function plain(text) { return text.replace(/[\\*_`[\]{}<>]/g, ""); }
