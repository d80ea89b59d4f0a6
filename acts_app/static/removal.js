// Removing one's own act: ask in a dialog, on the same page.
export function initRemoval() {
  const link = document.querySelector("a[data-remove]");
  if (!link) return;
  const dialog = document.getElementById(link.dataset.remove);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
