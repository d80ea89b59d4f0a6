// The hour: requests per second as an area, containers wanted and running as steps, and a mark for all that happened.

import { byId, clock, look, make, rate, say } from "./words.js";

const HOUR = 3600;
const SPANS = [300, 900, HOUR];
const HEIGHT = 260;
const SERIES = 4; // without a shadow policy
const MARK_WIDTH = 28; // px; marks that would overlap become one with a number
const WORST_FIRST = ["failed", "sick", "held", "degraded", "relaunched", "launched", "adopted", "stopped"];

let plot = null;
let step = 5;
let span = HOUR;
let picked = false; // whether somebody has chosen the time shown; until then it is what there is something of
let now = 0;
let points = []; // [at, rate, wanted, running, shadow], in the order of time
let marked = []; // the events that have a sign
let groups = []; // as they are shown: [{x, events}]
let chosen = 0; // which group the keyboard is at

export function startChart(allPoints, events, seconds) {
  step = seconds;
  points = allPoints;
  marked = events.filter((event) => look(event.kind).sign);
  draw();
}

export function addToChart(newPoints, events) {
  points.push(...newPoints);
  while (points.length && points[0][0] < now - HOUR - step) points.shift();
  marked.push(...events.filter((event) => look(event.kind).sign));
  while (marked.length && marked[0].at < now - HOUR) marked.shift();
  if (newPoints.length && plot && plot.series.length !== SERIES + hasShadow()) draw();
  else if (newPoints.length && plot) plot.setData(columns(), false);
  if (events.length) showMarks();
}

export function showTime(at) {
  if (Math.floor(at) === Math.floor(now) || document.hidden) return;
  now = at;
  if (!plot) return;
  if (!picked) show(fitting());
  plot.setScale("x", { min: at - span, max: at });
  if (plot.cursor.left < 0) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
  describe();
}

// The shortest time that holds all there is.
function fitting() {
  const known = now - Math.min(points[0]?.[0] ?? now, marked[0]?.at ?? now);
  return SPANS.find((length) => known < length) || HOUR;
}

function show(length) {
  span = length;
  for (const button of document.querySelectorAll("[data-span]")) button.setAttribute("aria-pressed", String(Number(button.dataset.span) === span));
}

// uPlot wants columns; where nobody decided anything there is a hole and no line across it.
function columns() {
  const found = [[], [], [], []];
  if (hasShadow()) found.push([]);
  const at = found[0];
  for (const point of points) {
    if (at.length && point[0] - at[at.length - 1] > step) push(found, [at[at.length - 1] + step, null, null, null, null]);
    push(found, point);
  }
  return found;
}

function push(found, point) {
  const [at, requests, wanted, running, shadow] = point;
  const values = [at, wanted === null ? null : requests, wanted, running, shadow];
  found.forEach((column, n) => column.push(values[n]));
}

// Whether a shadow policy has decided anything: only then it has a line.
const hasShadow = () => points.some((point) => point[4] !== null);

function draw() {
  plot?.destroy();
  plot = new uPlot(options(), columns(), byId("plot"));
  plot.root.querySelectorAll("table.u-legend").forEach((table) => table.setAttribute("role", "presentation"));
}

function options() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${colour("--sans")}`;
  const axis = { stroke: colour("--soft"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  const steps = uPlot.paths.stepped({ align: 1 });
  return {
    width: byId("plot").clientWidth || 600,
    height: HEIGHT,
    padding: [8, 0, 0, 0],
    scales: {
      x: { time: true, auto: false, range: (_, min, max) => [min, max] },
      y: { range: (_, __, max) => [0, Math.max(1, (max || 0) * 1.15)] },
      c: { range: (_, __, max) => [0, Math.max(3, (max || 0) + 0.6)] },
    },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map((at) => clock(at).slice(0, span > 300 ? 5 : 8)), space: 70 },
      { ...axis, label: "requests/s", labelFont: font, labelSize: 18, size: 44 },
      { ...axis, scale: "c", side: 1, label: "containers", labelFont: font, labelSize: 18, size: 34, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200] },
    ],
    series: [
      { value: (_, at) => (at === null ? "–" : clock(at)), label: "Time" },
      { label: "Requests/s", stroke: colour("--flow"), fill: colour("--flow-wash"), width: 1.5, points: { show: false }, value: (_, number) => (number === null || number === undefined ? "–" : rate(number)) },
      { label: "Wanted", scale: "c", stroke: colour("--ink"), width: 1.5, dash: [5, 4], paths: steps, points: { show: false }, value: whole },
      { label: "Running", scale: "c", stroke: colour("--leaf"), width: 2.5, paths: steps, points: { show: false }, value: whole },
      ...(hasShadow() ? [{ label: "Shadow policy", scale: "c", stroke: colour("--soft"), width: 2, dash: [2, 4], paths: steps, points: { show: false }, value: whole }] : []),
    ],
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    legend: { live: true },
    hooks: { draw: [showMarks, hairlines] },
  };
}

const whole = (_, number) => (number === null || number === undefined ? "–" : String(number));

// A thin line through the plot for each mark.
function hairlines(chart) {
  const { ctx, bbox } = chart;
  const style = getComputedStyle(document.documentElement);
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.globalAlpha = 0.5;
  for (const { x, events } of groups) {
    ctx.strokeStyle = style.getPropertyValue(`--tone-${look(events[0].kind).tone}`).trim();
    ctx.beginPath();
    ctx.moveTo(bbox.left + x * devicePixelRatio, bbox.top);
    ctx.lineTo(bbox.left + x * devicePixelRatio, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

// Marks that would lie on each other become one: the worst of them shows its sign.
function grouped(width) {
  const found = [];
  for (const event of marked) {
    const x = ((event.at - (now - span)) / span) * width;
    if (x < 0) continue;
    const before = found[found.length - 1];
    if (before && x - before.x < MARK_WIDTH) before.events.push(event);
    else found.push({ x, events: [event] });
  }
  for (const group of found) group.events.sort((a, b) => WORST_FIRST.indexOf(a.kind) - WORST_FIRST.indexOf(b.kind) || a.at - b.at);
  return found;
}

export function showMarks() {
  if (!plot || !now) return;
  const box = byId("marks");
  const focused = box.contains(document.activeElement);
  const { left, width } = plot.bbox;
  box.style.left = `${left / devicePixelRatio}px`;
  box.style.width = `${width / devicePixelRatio}px`;
  groups = grouped(width / devicePixelRatio);
  chosen = Math.max(0, Math.min(chosen, groups.length - 1));
  while (box.children.length > groups.length) box.lastChild.remove();
  while (box.children.length < groups.length) box.append(newMark());
  groups.forEach((group, index) => showMark(box.children[index], group, index));
  if (focused && !box.contains(document.activeElement)) box.children[chosen]?.focus();
}

function newMark() {
  const mark = make("button", "mark");
  mark.type = "button";
  return mark;
}

function showMark(mark, { x, events }, index) {
  const { sign, tone } = look(events[0].kind);
  mark.style.left = `${x}px`;
  mark.dataset.tone = tone;
  mark.dataset.group = index;
  mark.tabIndex = index === chosen ? 0 : -1;
  say(mark, events.length > 1 ? `${sign}${events.length}` : sign);
  mark.setAttribute("aria-label", events.map(words).join("; "));
}

const words = (event) => `${clock(event.at)} ${event.port ?? ""} ${look(event.kind).words}: ${event.reason}`;

function showTip(mark) {
  const tip = byId("tip");
  const group = groups[Number(mark.dataset.group)];
  if (!group) return;
  const shown = [...group.events].sort((a, b) => a.at - b.at).slice(-6);
  tip.replaceChildren(...shown.map((event) => make("p", "", words(event))), make("p", "hint", "Click: why there were so many containers then"));
  tip.hidden = false;
  const box = byId("chart").getBoundingClientRect();
  const at = mark.getBoundingClientRect();
  tip.style.left = `${Math.max(0, Math.min(box.width - tip.offsetWidth, at.left - box.left - tip.offsetWidth / 2))}px`;
  tip.style.top = `${at.top - box.top - tip.offsetHeight - 6}px`; // above: the chart is what one looks at
}

const hideTip = () => { byId("tip").hidden = true; };

async function explain(mark) {
  const group = groups[Number(mark.dataset.group)];
  if (!group) return;
  hideTip();
  const box = byId("why");
  box.hidden = false;
  const at = Math.max(...group.events.map((event) => event.at));
  try {
    const response = await fetch(`/why?at=${at}`);
    const told = await response.json();
    box.replaceChildren(make("b", "", `Why, at ${clock(at)}: `), make("span", "", told.sentence || told.error), ...group.events.map((event) => make("p", "", words(event))));
  } catch {
    box.replaceChildren(make("span", "", "The dashboard does not answer."));
  }
}

function describe() {
  const newest = points[points.length - 1];
  if (!newest) return;
  const highest = Math.max(...points.map((point) => point[1]));
  say(byId("chart-title"), { 300: "The last five minutes", 900: "The last quarter of an hour", 3600: "The last hour" }[span]);
  byId("plot").setAttribute("aria-label", `Requests per second: now ${rate(newest[1])}, at most ${rate(highest)} in the last hour. Containers: ${newest[2]} wanted, ${newest[3]} running.`);
}

function move(event) {
  const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: groups.length - 1 }[event.key];
  if (event.key === "Escape") hideTip();
  if (to === undefined || !groups.length) return;
  event.preventDefault();
  chosen = Math.max(0, Math.min(groups.length - 1, to));
  showMarks();
  byId("marks").children[chosen].focus();
}

const onMark = (then) => (event) => event.target.closest?.(".mark") && then(event.target.closest(".mark"));
for (const [kind, then] of [["pointerover", showTip], ["focusin", showTip], ["pointerout", hideTip], ["focusout", hideTip], ["click", explain]]) {
  byId("marks").addEventListener(kind, onMark(then));
}
byId("marks").addEventListener("keydown", move);
for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    picked = true;
    show(Number(button.dataset.span));
    plot?.setScale("x", { min: now - span, max: now });
    describe();
  });
}
new ResizeObserver(() => plot && plot.setSize({ width: byId("plot").clientWidth, height: HEIGHT })).observe(byId("plot"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); plot.setScale("x", { min: now - span, max: now }); });
