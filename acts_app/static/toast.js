// A short message at the foot of the page, read out by screen readers and gone after a while.
const SHOWN_FOR = 5000; // ms, enough for a dozen words

export function toast(words) {
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = words;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), SHOWN_FOR);
}
