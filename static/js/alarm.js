// A new lead of tier 1, for people who asked to be told here: a notification, a short sound. The bell says for whom.
const RUNG = "accord.alarm.rung";
const KEPT = 50;
let audio = null;

const bell = () => document.getElementById("bell");

// Once a lead, however many pages and windows somebody has open, and however often they ask.
function notYetRung() {
  const rung = new Set(JSON.parse(localStorage.getItem(RUNG) ?? "[]"));
  const fresh = [...document.querySelectorAll("#bell [data-hot]")].filter((hot) => !rung.has(hot.dataset.hot));
  const all = [...rung, ...fresh.map((hot) => hot.dataset.hot)];
  if (fresh.length) localStorage.setItem(RUNG, JSON.stringify(all.slice(-KEPT)));
  return fresh;
}

// Browsers let a page sound only after somebody has touched it.
function wake() {
  if (bell()?.hasAttribute("data-alarm-sound")) audio ??= new AudioContext();
}
document.addEventListener("keydown", wake);
document.addEventListener("pointerdown", wake);

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

function notify(hot) {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const { hot: id, title, open } = hot.dataset;
  const said = new Notification(`Tier 1: ${title}`, { body: hot.textContent.trim(), tag: `tier-1-${id}` });
  said.addEventListener("click", () => {
    window.focus();
    location.href = open;
  });
}

function ring() {
  const fresh = notYetRung();
  if (!fresh.length) return;
  if (bell().hasAttribute("data-alarm-sound")) beep();
  if (bell().hasAttribute("data-alarm-notify")) fresh.forEach(notify);
}

document.addEventListener("htmx:afterSettle", (event) => event.detail.target?.id === "bell" && ring());

const denied = document.querySelector("[data-alarm-denied]");
if (denied && typeof Notification !== "undefined") denied.hidden = Notification.permission !== "denied";

const allow = document.querySelector("[data-alarm-allow]");
if (allow && typeof Notification !== "undefined" && Notification.permission === "default") {
  allow.hidden = false;
  allow.addEventListener("click", async () => {
    await Notification.requestPermission();
    allow.hidden = true;
  });
}
