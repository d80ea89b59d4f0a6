// What happened, in words, the newest first.

import { byId, clock, look, make } from "./words.js";

const SHOWN = 150;

export function startEvents(events) {
  byId("events").replaceChildren();
  addEvents(events.slice(-SHOWN), false);
}

export function addEvents(events, fresh = true) {
  const list = byId("events");
  for (const event of events) list.prepend(line(event, fresh));
  while (list.children.length > SHOWN) list.lastChild.remove();
}

function line(event, fresh) {
  const { tone, words } = look(event.kind);
  const element = make("li", fresh ? "fresh" : "");
  const time = make("time", "", clock(event.at));
  time.dateTime = new Date(event.at * 1000).toISOString();
  const kind = make("b", `kind ${tone}`, event.port === null ? words : `${event.port} ${words}`);
  const took = event.seconds === null ? "" : ` (${event.seconds.toFixed(1)} s)`;
  element.append(time, kind, make("span", "because", event.reason + took), make("span", "who", event.who));
  return element;
}
