// Counts down due dates and undo seconds between two answers of the server, by the server's clock.
import { serverNow } from "./lib.js";

const title = document.title;
// The limits of config.ui.formats, in seconds; see the tag countdown_limits.
const limits = document.body.dataset;
const SECONDS_SHOWN_BELOW = Number(limits.secondsShownBelow);
const HOURS_ONLY_FROM = Number(limits.countdownBelow);
const DAYS_FROM = Number(limits.daysFrom);

// The same words as config.ui.formats.remaining. Beyond the countdown's limit the server's text (a day, a time) stays.
function words(seconds) {
  const isLate = seconds < 0;
  const left = isLate ? Math.max(60, -seconds) : seconds;
  if (!isLate && left < SECONDS_SHOWN_BELOW) {
    return `${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")}`;
  }
  const minutes = Math.floor(left / 60);
  const hours = Math.floor(minutes / 60);
  let text = `${minutes} min`;
  if (left >= DAYS_FROM) text = `${Math.floor(hours / 24)} days`;
  else if (left >= HOURS_ONLY_FROM) text = `${hours} h`;
  else if (hours) text = `${hours} h ${minutes % 60} min`;
  return isLate ? `${text} late` : text;
}

// Show the seconds in which a decision can be undone. When they are over, refresh the list.
function tickUndo(now) {
  for (const count of document.querySelectorAll("[data-final]")) {
    const left = Math.ceil(Number(count.dataset.final) - now);
    if (left > 0) count.textContent = `(${left} s)`;
    else {
      const list = count.closest("#queue");
      count.closest("form").remove();
      // A periodic task makes the decision final within the next two seconds.
      setTimeout(() => list?.dispatchEvent(new CustomEvent("refresh")), 2500);
    }
  }
}

// The page's title counts what is urgent, for people who work in another tab.
function tick() {
  const now = serverNow();
  let urgent = 0;
  for (const clock of document.querySelectorAll("[data-due]")) {
    const left = Number(clock.dataset.due) - now;
    const isSoon = left < SECONDS_SHOWN_BELOW || now >= Number(clock.dataset.warn);
    const tone = left < 0 ? "bad" : isSoon ? "warn" : "calm";
    if (left < HOURS_ONLY_FROM && clock.textContent !== words(left)) clock.textContent = words(left);
    if (clock.dataset.tone !== tone) clock.dataset.tone = tone;
    if (tone !== "calm" && clock.closest("[data-row]")) urgent += 1;
  }
  urgent += Number(document.getElementById("new-leads-waiting")?.dataset.count ?? 0);
  urgent ||= document.querySelectorAll("#bell [data-hot]").length;
  document.title = urgent ? `(${urgent}) ${title}` : title;
  tickUndo(now);
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSwap", tick);
