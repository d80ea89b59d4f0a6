// Share a link to one act: with the phone's own sheet, or by copying it.
import { toast } from "./toast.js";

export function initSharing() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-share]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    share(link.href, link.dataset.share);
  });
}

async function share(url, title) {
  if (navigator.share && matchMedia("(pointer: coarse)").matches) {
    try {
      await navigator.share({ url, title });
    } catch (problem) {
      if (problem.name !== "AbortError") copy(url);
    }
    return;
  }
  copy(url);
}

async function copy(url) {
  try {
    await navigator.clipboard.writeText(url);
    toast("The link is copied.");
  } catch {
    window.prompt("Copy this link:", url);
  }
}
