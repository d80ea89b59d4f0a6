// The one line to the server. It comes back by itself; how long nothing was heard is told to `silent` every half second.

const AGAIN_MS = 2000;

export function listen({ hello, tick, silent }) {
  let heard = performance.now();
  const take = (then) => (message) => {
    heard = performance.now();
    then(JSON.parse(message.data));
  };
  function open() {
    const source = new EventSource("/stream");
    source.addEventListener("hello", take(hello));
    source.addEventListener("tick", take(tick));
    source.addEventListener("error", () => {
      // A refusal (too many listeners) ends an EventSource for good; a broken line does not.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
    addEventListener("pagehide", () => source.close(), { once: true });
  }
  open();
  setInterval(() => silent((performance.now() - heard) / 1000), 500);
}
