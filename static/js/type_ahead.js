// Keys pressed while the server answers wait for its answer: none of them falls on a row that is about to be replaced.
let isWaiting = false;
let keys = [];

// A decision, or the form for one. The polls of the list and of the bell are not row actions.
export const isRowAction = ({ requestConfig, target }) =>
  requestConfig?.verb === "post" || Boolean(target?.hasAttribute("data-slot"));

export const isAnswerAwaited = () => isWaiting;

export const keepForLater = (key) => keys.push(key);

// Replay the kept keys. One of them may send a request of its own; the rest then waits for that answer.
export function replayKeys(act) {
  if (!isWaiting) return;
  isWaiting = false;
  const kept = keys;
  keys = [];
  for (const key of kept) {
    if (isWaiting) keys.push(key);
    else act(key);
  }
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.elt.closest("#queue, #decide")) isWaiting ||= isRowAction(event.detail);
});
