// A new lead of tier 1, for people who asked to be told here: a notification, a short sound.
const seen = new Set();
const root = () => document.getElementById("queue");
const hot = () => [...document.querySelectorAll("[data-row][data-hot]")];
let audio = null;

for (const row of hot()) seen.add(row.id);

// Browsers let a page sound only after somebody has touched it.
function wake() {
  if (root()?.hasAttribute("data-alarm-sound")) audio ??= new AudioContext();
}
document.addEventListener("keydown", wake, { once: true });
document.addEventListener("pointerdown", wake, { once: true });

function beep() {
  if (!audio) return;
  const at = audio.currentTime;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.setValueAtTime(660, at);
  tone.frequency.setValueAtTime(880, at + 0.15);
  volume.gain.setValueAtTime(0.15, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 0.5);
}

function notify(row) {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const link = row.querySelector("[data-open]");
  const said = new Notification(`Tier 1: ${link.textContent}`, {
    body: row.querySelector(".queue-why")?.textContent.trim() ?? "",
    tag: row.id,
  });
  said.addEventListener("click", () => {
    window.focus();
    location.href = link.href;
  });
}

document.addEventListener("htmx:afterSwap", () => {
  const fresh = hot().filter((row) => !seen.has(row.id));
  if (!fresh.length || !root()) return;
  for (const row of fresh) {
    seen.add(row.id);
    if (root().hasAttribute("data-alarm-notify")) notify(row);
  }
  if (root().hasAttribute("data-alarm-sound")) beep();
});

const allow = document.querySelector("[data-alarm-allow]");
if (allow && typeof Notification !== "undefined" && Notification.permission === "default") {
  allow.hidden = false;
  allow.addEventListener("click", async () => {
    await Notification.requestPermission();
    allow.hidden = true;
  });
}
