// The parts of the service itself, each with how long ago it was heard.

import { ago, byId, make, say } from "./words.js";

export function showParts(parts) {
  const list = byId("parts");
  const known = new Map([...list.children].map((element) => [element.dataset.name, element]));
  parts.forEach((part, index) => {
    const element = known.get(part.name) || newPart(part.name);
    known.delete(part.name);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] || null);
    element.dataset.health = part.health;
    say(element.querySelector(".age"), part.age === null ? "–" : ago(part.age));
    say(element.querySelector(".said"), part.health === "well" ? part.said : `${part.health}${part.said ? `: ${part.said}` : ""}`);
  });
  for (const element of known.values()) element.remove();
}

function newPart(name) {
  const element = make("li", "part");
  element.dataset.name = name;
  const line = make("span", "line");
  line.append(make("span", "age"), make("span", "said"));
  element.append(make("span", "lamp"), make("span", "name", name), line);
  return element;
}
