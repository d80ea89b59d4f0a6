// The buttons. They ask for the admin token once; it is kept by this tab alone, and sent only with a change.

import { byId, make } from "./words.js";

const KEY = "admin"; // in sessionStorage: {"by", "token"}
const TOAST_MS = 6000;

const kept = () => JSON.parse(sessionStorage.getItem(KEY) || "null");

async function change(path, values, who = kept()) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${who.token}` };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ ...values, by: who.by }) });
  const told = await response.json().catch(() => ({ error: "The dashboard's answer cannot be read." }));
  if (response.status === 401) showLock(false);
  return { ok: response.ok, told: told.done || told.error || "" };
}

async function order(path, values) {
  let result;
  try {
    result = await change(path, values);
  } catch {
    result = { ok: false, told: "The dashboard does not answer." };
  }
  toast(result.told, result.ok);
}

let toastEnds = 0;
function toast(words, good) {
  const element = byId("toast");
  element.textContent = words;
  element.dataset.good = good;
  element.hidden = false;
  clearTimeout(toastEnds);
  toastEnds = setTimeout(() => { element.hidden = true; }, TOAST_MS);
}

// The buttons of a row; they are hidden while the page is locked, and where they make no sense.
export function buttonsOf(port) {
  const button = (name, title, words, path) => {
    const element = make("button", "quiet small", name);
    element.type = "button";
    element.dataset.act = path.slice(1);
    element.setAttribute("aria-label", `${name} ${port}`);
    element.addEventListener("click", async () => (await confirmed(`${name} ${port}?`, words, name)) && order(path, { port }));
    element.title = title;
    return element;
  };
  return [
    button("Relaunch", "Replace it by a new one", `It leaves the ring, finishes what it has, and another one starts on port ${port}.`, "/relaunch"),
    button("Drain", "Take it out of the ring, to look at it", "It leaves the ring and finishes what it has. It stays up to be looked at, and its port is not filled again, until it is put back or more containers are wanted.", "/drain"),
    button("Put back", "Let it receive requests again", `Port ${port} joins the ring again.`, "/launch"),
  ];
}

function confirmed(title, words, yes) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-words").textContent = words;
  byId("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

function showLock(open) {
  if (!open) sessionStorage.removeItem(KEY);
  document.body.dataset.unlocked = open;
  byId("scale").hidden = !open;
  byId("drill").hidden = !open;
  byId("lock").querySelector(".words").textContent = open ? `Lock (${kept().by})` : "Unlock";
}

async function unlock(event) {
  event.preventDefault();
  const form = event.target;
  const problem = form.querySelector(".problem");
  const who = { by: form.elements.by.value.trim(), token: form.elements.token.value.trim() };
  const result = await change("/unlock", {}, who).catch(() => ({ ok: false, told: "The dashboard does not answer." }));
  problem.hidden = result.ok;
  problem.textContent = result.ok ? "" : result.told;
  if (!result.ok) return;
  sessionStorage.setItem(KEY, JSON.stringify(who));
  form.reset();
  byId("unlock").close();
  showLock(true);
}

export function startControls() {
  byId("lock").addEventListener("click", () => (kept() ? showLock(false) : byId("unlock").showModal()));
  byId("unlock-form").addEventListener("submit", unlock);
  byId("unlock-cancel").addEventListener("click", () => byId("unlock").close());
  byId("scale").addEventListener("submit", (event) => {
    event.preventDefault();
    order("/scale", { number: Number(byId("number").value) });
  });
  byId("auto").addEventListener("click", () => order("/scale", { number: null }));
  byId("drill").addEventListener("submit", drill);
  showLock(kept() !== null);
}

// What each fault means, for who is about to bring it about.
const FAULTS = {
  crash: "The container answers 500 to everything until another one serves on its port.",
  kill: "The container is killed.",
  hang: "The container stands still and keeps its port.",
  slow: "The container stands still four tenths of each half second, for some seconds.",
  redis: "The state Redis stands still for some seconds.",
  store: "The acts store stands still for some seconds: people wait.",
};

async function drill(event) {
  event.preventDefault();
  const fault = byId("fault").value;
  const port = byId("drill-port").value;
  const words = `${FAULTS[fault]} Requests are sent meanwhile and counted. Nothing should be lost.`;
  if (await confirmed(`Drill ${fault}${port && ` ${port}`}?`, words, "Drill")) order("/drill", { fault, port: port ? Number(port) : null });
}

// The ports to choose from, as they come and go.
export function showPorts(rows) {
  const select = byId("drill-port");
  const ports = rows.map((row) => String(row.port));
  const known = [...select.options].slice(1);
  for (const option of known) if (!ports.includes(option.value)) option.remove();
  for (const port of ports) if (!known.some((option) => option.value === port)) select.add(new Option(port, port));
}
