// A contact in two keystrokes: the letter of the channel, then the digit of what came of it. Other letters open a step.
const typing = (target) =>
  target.matches("input:not([type=radio]):not([type=checkbox]):not([type=submit]), textarea, select, [contenteditable]");
const isOff = () => localStorage.getItem("accord.keys.off") === "1";
const armed = () => document.querySelector("[data-contact].is-armed");
let sent = false;

function arm(channel) {
  armed()?.classList.remove("is-armed");
  if (!channel) return false;
  channel.classList.add("is-armed");
  channel.scrollIntoView({ block: "nearest" });
  channel.querySelector("button")?.focus({ preventScroll: true });
  return true;
}

function choose(digit) {
  const button = armed()?.querySelector(`[data-digit="${digit}"]`);
  // A key that repeats must not log twice.
  if (!button || sent) return Boolean(button);
  sent = true;
  button.click();
  return true;
}

function open(step) {
  if (!step) return false;
  arm(null);
  step.open = true;
  step.scrollIntoView({ block: "nearest" });
  step.querySelector("form input:not([type=hidden]), form textarea")?.focus();
  return true;
}

function letter(key) {
  if (!/^[a-z]$/.test(key)) return false;
  return arm(document.querySelector(`[data-contact="${key}"]`)) || open(document.querySelector(`[data-step="${key}"]`));
}

function leave(target) {
  const channel = armed();
  const step = target.closest("[data-step][open]");
  channel?.classList.remove("is-armed");
  if (step) {
    step.open = false;
    step.querySelector("summary").focus();
  }
  return Boolean(channel || step);
}

function pressed(event) {
  if (event.key === "Escape") return leave(event.target);
  if (typing(event.target) || isOff()) return false;
  return armed() && /^[0-9]$/.test(event.key) ? choose(event.key) : letter(event.key);
}

// Before the keys of every page: while a channel waits for its digit, the digit is its own.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], [data-reasons]")) return;
    if (!pressed(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

addEventListener("pageshow", () => {
  sent = false;
});

// From the queue one comes to log a call.
if (location.hash === "#attempt") arm(document.querySelector('[data-contact="c"]'));
