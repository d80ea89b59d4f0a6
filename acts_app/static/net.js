// Asking the server in the name of the person who looks at the page, and saying in words what went wrong.
const PATIENCE = 20_000; // ms; then a slow network is treated as a broken one

export class Trouble extends Error {}

export function pageHeaders() {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  return { "X-Requested-With": "fetch", Accept: "application/json, text/html", ...(token && { "X-CSRF-Token": token }) };
}

export async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: pageHeaders(), signal: AbortSignal.timeout(PATIENCE) });
  } catch (problem) {
    throw new Trouble(problem.name === "TimeoutError" ? "The network is very slow. Please try again." : "You seem to be offline. Please try again.");
  }
  if (response.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  if (!response.ok) throw new Trouble(await sentence(response));
  return response;
}

export async function sentence(response) {
  try {
    return (await response.json()).error;
  } catch {
    return "That did not work. Please try again.";
  }
}
