// A mini-program is one function: an event comes in, a new state and a list of effects go out.

const TEXTS = {
  en: { hello: "Hello! Wave with the button, or type **wave 3**.", waved: n => n === 1 ? "Waved once." : `Waved ${n} times.`, wave: "Wave" },
  zh: { hello: "你好！点按钮挥手，或者输入 **wave 3**。", waved: n => `挥了 ${n} 次手。`, wave: "挥手" },
};

/** @param {Courtyard.Event} event  @returns {Courtyard.Answer} */
function handle(event) {
  const texts = TEXTS[event.locale.split("-")[0]] ?? TEXTS.en;
  const waved = event.state?.waved ?? 0;
  const choices = [{ id: "wave", label: texts.wave }];

  switch (event.type) {
    case "open":
      return { state: { waved }, effects: [{ type: "ui.send", key: "board", text: texts.hello, choices }] };
    case "choice":
      return count(waved + 1);
    case "command":
      return count(waved + Number(event.data.args.times ?? 1));
    default:
      return { state: event.state, effects: [] };
  }

  /** @param {number} n  @returns {Courtyard.Answer} */
  function count(n) {
    return { state: { waved: n }, effects: [{ type: "ui.update", key: "board", text: texts.waved(n), choices }] };
  }
}
