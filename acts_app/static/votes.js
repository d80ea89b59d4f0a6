// Upvotes: the number changes at once, and becomes what the server says a moment later.
import { ask } from "./net.js";
import { toast } from "./toast.js";

export function initVotes() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-vote]");
    if (!form) return;
    event.preventDefault();
    if (!form.dataset.busy) vote(form);
  });
}

async function vote(form) {
  const button = form.querySelector("button");
  const before = { votes: Number(form.querySelector(".count").textContent), voted: button.getAttribute("aria-pressed") === "true" };
  const body = new FormData(form);
  form.dataset.busy = "1";
  show(form, { votes: before.votes + (before.voted ? -1 : 1), voted: !before.voted });
  try {
    const now = await (await ask(form.action, { method: "POST", body })).json();
    show(form, { votes: now.upvotes, voted: now.voted });
  } catch (trouble) {
    show(form, before);
    toast(trouble.message);
  } finally {
    delete form.dataset.busy;
  }
}

function show(form, { votes, voted }) {
  form.querySelector(".count").textContent = votes;
  form.querySelector("button").setAttribute("aria-pressed", String(voted));
  form.elements.wanted.value = voted ? "0" : "1";
}
