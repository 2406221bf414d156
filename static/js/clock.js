// Countdowns tick between two answers of the server, by the server's clock.
const offset = Number(document.body.dataset.now) * 1000 - Date.now();
const title = document.title;

// The same words as config.ui.formats.remaining; beyond eight hours the server's text (a day, a time) stays.
function words(seconds) {
  const late = seconds < 0;
  const left = late ? Math.max(60, -seconds) : seconds;
  if (!late && left < 600) return `${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")}`;
  const minutes = Math.floor(left / 60);
  const hours = Math.floor(minutes / 60);
  let text = `${minutes} min`;
  if (hours >= 48) text = `${Math.floor(hours / 24)} days`;
  else if (hours >= 8) text = `${hours} h`;
  else if (hours) text = `${hours} h ${minutes % 60} min`;
  return late ? `${text} late` : text;
}

// What can still be taken back; when it no longer can, the list asks how it stands.
function tickUndo(now) {
  for (const count of document.querySelectorAll("[data-final]")) {
    const left = Math.ceil(Number(count.dataset.final) - now);
    if (left > 0) count.textContent = `(${left} s)`;
    else {
      const list = count.closest("#queue");
      count.closest("form").remove();
      // The decision is made by the next beat.
      setTimeout(() => list?.dispatchEvent(new CustomEvent("refresh")), 2500);
    }
  }
}

function tick() {
  const now = (Date.now() + offset) / 1000;
  let due = 0;
  for (const clock of document.querySelectorAll("[data-due]")) {
    const left = Number(clock.dataset.due) - now;
    const tone = left < 0 ? "bad" : left < 600 || now >= Number(clock.dataset.warn) ? "warn" : "calm";
    if (left < 8 * 3600 && clock.textContent !== words(left)) clock.textContent = words(left);
    if (clock.dataset.tone !== tone) clock.dataset.tone = tone;
    if (tone !== "calm" && clock.closest("[data-row]")) due += 1;
  }
  due += Number(document.getElementById("held")?.dataset.count ?? 0);
  due ||= document.querySelectorAll("#bell [data-hot]").length;
  document.title = due ? `(${due}) ${title}` : title;
  tickUndo(now);
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSwap", tick);
