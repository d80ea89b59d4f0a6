// Older acts, loaded as one scrolls. Without this, "Older acts" is a link to the next page.
import { ask } from "./net.js";
import { toast } from "./toast.js";

const AHEAD = "900px 0px"; // begin when the end is about one screen away
const GHOSTS = 3;

export function initFeed() {
  const link = document.querySelector("a[data-older]");
  if (!link) return;
  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more(link, observer), { rootMargin: AHEAD });
  observer.observe(link);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    more(link, observer);
  });
}

async function more(link, observer) {
  const place = link.parentElement;
  if (place.getAttribute("aria-busy") === "true") return;
  place.setAttribute("aria-busy", "true");
  const grid = document.getElementById("feed");
  const ghosts = Array.from({ length: GHOSTS }, ghost);
  grid.append(...ghosts);
  try {
    const response = await ask(link.href);
    const added = append(grid, await response.text(), ghosts[0]);
    announce(added);
    goOn(link, response.headers.get("X-Older"), observer);
  } catch (trouble) {
    link.textContent = "Try again";
    observer.disconnect(); // the person decides when
    toast(trouble.message);
  } finally {
    ghosts.forEach((one) => one.remove());
    place.removeAttribute("aria-busy");
  }
}

function ghost() {
  const block = document.createElement("div");
  block.className = "ghost";
  block.setAttribute("aria-hidden", "true");
  return block;
}

function append(grid, html, before) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const shown = new Set(Array.from(grid.children, (card) => card.dataset.act));
  const cards = Array.from(template.content.querySelectorAll("article")).filter((card) => !shown.has(card.dataset.act));
  cards.forEach((card) => {
    card.classList.add("new");
    grid.insertBefore(card, before);
  });
  return cards.length;
}

function announce(number) {
  const note = document.createElement("span");
  note.className = "unseen";
  note.textContent = `${number} older acts loaded`;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 5000);
}

function goOn(link, older, observer) {
  if (!older) {
    observer.disconnect();
    link.parentElement.remove();
    return;
  }
  link.href = `${link.dataset.older}?before=${encodeURIComponent(older)}`;
  link.textContent = "Older acts";
  observer.unobserve(link); // observing anew tells at once when the end is still in sight
  observer.observe(link);
}
