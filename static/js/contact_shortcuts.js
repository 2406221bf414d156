// Logs a contact with two keys: the letter of the channel, then the digit of its outcome. Other letters open a sales step.
import { areShortcutsOff, hasModifier, isTextField } from "./lib.js";

const chosenChannel = () => document.querySelector("[data-contact].is-chosen");
let isSent = false;

function chooseChannel(channel) {
  chosenChannel()?.classList.remove("is-chosen");
  if (!channel) return false;
  channel.classList.add("is-chosen");
  channel.scrollIntoView({ block: "nearest" });
  channel.querySelector("button")?.focus({ preventScroll: true });
  return true;
}

function logOutcome(digit) {
  const button = chosenChannel()?.querySelector(`[data-digit="${digit}"]`);
  // A key held down repeats; it must not log the contact twice.
  if (!button || isSent) return Boolean(button);
  isSent = true;
  button.click();
  return true;
}

function openStep(step) {
  if (!step) return false;
  chooseChannel(null);
  step.open = true;
  step.scrollIntoView({ block: "nearest" });
  step.querySelector("form input:not([type=hidden]), form textarea")?.focus();
  return true;
}

function pressLetter(key) {
  if (!/^[a-z]$/.test(key)) return false;
  const channel = document.querySelector(`[data-contact="${key}"]`);
  return chooseChannel(channel) || openStep(document.querySelector(`[data-step="${key}"]`));
}

function leave(target) {
  const channel = chosenChannel();
  const step = target.closest("[data-step][open]");
  channel?.classList.remove("is-chosen");
  if (step) {
    step.open = false;
    step.querySelector("summary").focus();
  }
  return Boolean(channel || step);
}

function press(event) {
  if (event.key === "Escape") return leave(event.target);
  if (isTextField(event.target) || areShortcutsOff()) return false;
  return chosenChannel() && /^[0-9]$/.test(event.key) ? logOutcome(event.key) : pressLetter(event.key);
}

// Runs before page_shortcuts.js (capture): while a channel is chosen, a digit is its outcome and not a reason to reject.
document.addEventListener(
  "keydown",
  (event) => {
    if (hasModifier(event) || document.querySelector("dialog[open], [data-reasons]")) return;
    if (!press(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

// The back button may show this page again as it was left.
addEventListener("pageshow", () => {
  isSent = false;
});

// The shortcut c of the queue leads here.
if (location.hash === "#attempt") chooseChannel(document.querySelector('[data-contact="c"]'));
