// The table of containers. Rows stay the same elements as long as their container is there, so that focus stays too.

import { byId, duration, make, milliseconds, rate, say } from "./words.js";

const COLUMNS = ["number", "port", "status", "turn", "state", "in_flight", "rate", "p99", "age", "restarts", "node"];
const LABELS = { in_flight: "in flight", rate: "req/s", p99: "p99", age: "for", restarts: "restarts" };
const WORDS = {
  status: (row) => (row.status ? "True" : "False"),
  rate: (row) => rate(row.rate),
  p99: (row) => milliseconds(row.p99),
  age: (row) => duration(row.age),
  node: (row) => row.node || "–",
};

export function showRows(rows, buttons) {
  const body = byId("rows");
  byId("containers").dataset.nodes = rows.some((row) => row.node); // on one machine there is nothing to tell
  const known = new Map([...body.children].map((element) => [Number(element.dataset.port), element]));
  rows.forEach((row, index) => {
    const element = known.get(row.port) || newRow(row, buttons);
    known.delete(row.port);
    if (body.children[index] !== element) body.insertBefore(element, body.children[index] || null);
    fill(element, row);
  });
  for (const element of known.values()) element.remove();
}

function newRow(row, buttons) {
  const element = make("tr");
  element.dataset.port = row.port;
  element.setAttribute("role", "row");
  for (const column of COLUMNS) {
    const cell = make("td", `c-${column}`);
    cell.setAttribute("role", "cell");
    if (LABELS[column]) cell.dataset.label = LABELS[column];
    element.append(cell);
  }
  const cell = make("td", "acts");
  cell.setAttribute("role", "cell");
  cell.append(...buttons(row.port));
  element.append(cell);
  return element;
}

function fill(element, row) {
  element.dataset.state = row.state;
  element.dataset.turn = row.turn;
  element.dataset.again = row.state === "starting" && row.restarts > 0;
  element.title = row.reason;
  COLUMNS.forEach((column, index) => say(element.children[index], WORDS[column] ? WORDS[column](row) : String(row[column])));
}
