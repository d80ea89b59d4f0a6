// Brings the page to life: whatever the server tells goes to those who show it.

import { startChart, addToChart, showTime } from "./chart.js";
import { buttonsOf, showPorts, startControls } from "./controls.js";
import { addEvents, startEvents } from "./events.js";
import { showGlance } from "./glance.js";
import { showParts } from "./parts.js";
import { listen } from "./stream.js";
import { showRows } from "./table.js";
import { byId, duration, say } from "./words.js";

const SILENT_SECONDS = 4;
let last = null;

function showState(state) {
  last = state;
  if (state.rows) {
    showGlance(state);
    showRows(state.rows, buttonsOf);
    showPorts(state.rows);
    showParts(state.parts);
    say(byId("version"), String(state.version));
    say(byId("turn"), String(state.turn));
  }
  showVerdict(state);
  document.body.dataset.away = state.away !== null;
}

function showVerdict(state) {
  const troubles = state.away ? ["The state Redis does not answer"] : state.troubles;
  const verdict = byId("verdict");
  const moving = state.away ? "" : underWay(state.rows);
  verdict.dataset.health = state.away || !state.containers.running ? "gone" : troubles.length || moving.startsWith("re") ? "stale" : moving ? "busy" : "well";
  say(verdict.querySelector(".words"), state.away ? "Redis is away" : troubles.length ? headline(troubles) : moving || "All is well");
  showBanner(state.away ? awayWords(state) : troubles.slice(0, 4).join(". "));
}

// What goes on with containers that are on their way; "relaunching" before "starting".
function underWay(rows) {
  const again = rows.filter((row) => row.state === "starting" && row.restarts > 0).map((row) => row.port);
  const anew = rows.filter((row) => row.state === "starting" && row.restarts === 0).map((row) => row.port);
  if (again.length) return `relaunching ${again.join(", ")}`;
  return anew.length ? `starting ${anew.join(", ")}` : "";
}

const headline = (troubles) => (troubles.length === 1 ? "1 trouble" : `${troubles.length} troubles`);

const awayWords = ({ at, away }) =>
  `The state Redis has not answered for ${duration(at - away.since)} (${away.problem}). The proxy goes on with the last ring; nothing is scaled or relaunched meanwhile. What is shown here is from before.`;

function showBanner(words) {
  const banner = byId("banner");
  banner.hidden = !words;
  say(banner, words);
}

function showSilence(seconds) {
  const silent = seconds > SILENT_SECONDS;
  document.body.dataset.silent = silent;
  byId("live").dataset.health = silent ? "gone" : "well";
  say(byId("live").querySelector(".words"), silent ? `silent for ${duration(seconds)}` : last ? "live" : "connecting");
  if (silent) showBanner("The dashboard does not answer; this page tries again by itself. What is shown here is from before.");
}

byId("site").href = `${location.protocol}//${location.hostname}${document.body.dataset.lbPort === "80" ? "" : `:${document.body.dataset.lbPort}`}/`;
startControls(() => last);
listen({
  hello(all) {
    startEvents(all.events);
    startChart(all.points, all.events, all.step);
    showState(all.state);
    showTime(all.state.at);
  },
  tick(news) {
    showState(news.state);
    addEvents(news.events);
    addToChart(news.points, news.events);
    showTime(news.state.at);
  },
  silent: showSilence,
});
