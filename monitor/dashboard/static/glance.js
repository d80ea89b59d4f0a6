// What can be read from three metres: the count against its thresholds, and containers against those wanted.

import { byId, make, say, windowWords } from "./words.js";

const RUNGS = 12; // more do not fit on a phone

export function showGlance(state) {
  const { requests, containers } = state;
  say(byId("count"), requests.count.toLocaleString("en"));
  say(byId("window"), windowWords(requests.window));
  say(byId("running"), String(containers.running));
  say(byId("target"), String(containers.target ?? "–"));
  say(byId("reason"), containers.reason);
  showNotes(state.notes);
  byId("glance").dataset.short = containers.target !== null && containers.running < containers.target;
  say(byId("above"), requests.above === null ? without(requests, `${containers.most} is the most there may be`) : `container ${containers.wanted + 1} at ${requests.above}: ${requests.above - requests.count} more`);
  say(byId("below"), requests.below === null ? without(requests, `${containers.wanted === 1 ? "one" : containers.wanted} is the fewest`) : `one fewer below ${requests.below}`);
  showLadder(state);
  say(byId("mode"), containers.fixed === null ? "automatic" : `fixed at ${containers.fixed} by ${containers.by}`);
  const number = byId("number");
  number.max = containers.most;
  if (!number.value) number.value = containers.fixed ?? containers.target ?? 1;
}

// What persons have ordered, and what is as it is because of that.
function showNotes(notes) {
  const list = byId("notes");
  while (list.children.length > notes.length) list.lastChild.remove();
  while (list.children.length < notes.length) list.append(make("li"));
  notes.forEach((note, index) => say(list.children[index], note.replaceAll("`", "")));
}

// What stands where there is no threshold: the policy may look at something else than requests of the window.
const without = (requests, words) => requests.each === null ? "" : words;

// One rung for each container; the requests of the window fill them from the left.
function showLadder({ requests, containers, rows }) {
  const first = Math.max(1, Math.min(containers.wanted - RUNGS / 2, containers.most - RUNGS + 1));
  const last = Math.min(containers.most, first + RUNGS - 1);
  const ladder = byId("ladder");
  while (ladder.children.length > last - first + 1) ladder.lastChild.remove();
  while (ladder.children.length < last - first + 1) ladder.append(rung());
  const states = new Map(rows.map((row) => [row.number, row.state === "starting" && row.restarts > 0 ? "again" : row.state]));
  [...ladder.children].forEach((element, index) => {
    const number = first + index;
    const filled = requests.each === null ? 0 : Math.min(1, Math.max(0, requests.count / requests.each - (number - 1)));
    element.dataset.state = states.get(number) || "none";
    element.dataset.now = number === containers.wanted;
    element.style.setProperty("--filled", filled.toFixed(3));
    say(element.querySelector(".threshold"), number === 1 || requests.each === null ? "" : String(Math.round((number - 1) * requests.each)));
    say(element.querySelector(".number"), String(number));
  });
  ladder.setAttribute("aria-label", `${requests.count} requests; ${containers.wanted} of at most ${containers.most} containers wanted`);
}

function rung() {
  const element = make("div", "rung");
  element.append(make("span", "threshold"), make("span", "bar"), make("span", "number"));
  return element;
}
