// How numbers, times and events are said.

export const byId = (id) => document.getElementById(id);

// Sets a text only where it differs: what does not change is not painted again, nor read aloud.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * length || (unit === "min" && seconds >= length)) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

export const ago = (seconds) => (seconds === null ? "never heard" : seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds));

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

export function rate(number) {
  if (number === null) return "–";
  return number >= 100 ? Math.round(number).toLocaleString("en") : number.toFixed(1);
}

export function milliseconds(ms) {
  if (ms === null) return "–";
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export const windowWords = (seconds) => ({ 60: "minute", 120: "two minutes", 300: "five minutes" })[seconds] || `${seconds} s`;

// One look for each kind of event: its sign in the chart (none: not marked there), its colour, and its words.
export const KINDS = {
  launched: { sign: "▲", tone: "go", words: "launched" },
  adopted: { sign: "▲", tone: "go", words: "adopted" },
  healthy: { tone: "good", words: "healthy, joins the ring" },
  sick: { sign: "✕", tone: "bad", words: "sick, leaves the ring" },
  failed: { sign: "✕", tone: "bad", words: "failed" },
  relaunched: { sign: "↻", tone: "warn", words: "relaunched" },
  drained: { tone: "", words: "drained" },
  stopped: { sign: "▼", tone: "rest", words: "stopped" },
  scaled: { tone: "", words: "scaled" },
  held: { sign: "❚", tone: "warn", words: "held" },
  degraded: { sign: "◆", tone: "warn", words: "degraded" },
  drill: { sign: "✦", tone: "warn", words: "drill" },
  standby: { tone: "", words: "on standby" },
  ordered: { tone: "", words: "ordered" },
  rollout: { sign: "◉", tone: "go", words: "roll-out" },
  rebalance: { sign: "⇄", tone: "go", words: "rebalance" },
  recovered: { tone: "good", words: "recovered" },
};

export const look = (kind) => KINDS[kind] || { tone: "", words: kind };
