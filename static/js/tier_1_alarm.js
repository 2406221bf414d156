// Announces a new lead of tier 1 with a notification and a short sound to people who chose them. The bell carries their choice.
const ANNOUNCED = "accord.alarm.rung";
const REMEMBERED_AT_MOST = 50;
let audio = null;

const bell = () => document.getElementById("bell");

// Each lead is announced once in a browser, however many pages are open: they share this list.
function takeUnannounced() {
  const announced = new Set(JSON.parse(localStorage.getItem(ANNOUNCED) ?? "[]"));
  const unannounced = [...document.querySelectorAll("#bell [data-hot]")].filter((lead) => !announced.has(lead.dataset.hot));
  const all = [...announced, ...unannounced.map((lead) => lead.dataset.hot)];
  if (unannounced.length) localStorage.setItem(ANNOUNCED, JSON.stringify(all.slice(-REMEMBERED_AT_MOST)));
  return unannounced;
}

// Browsers let a page play a sound only after somebody has used it.
function allowSound() {
  if (bell()?.hasAttribute("data-alarm-sound")) audio ??= new AudioContext();
}
document.addEventListener("keydown", allowSound);
document.addEventListener("pointerdown", allowSound);

function beep() {
  if (!audio) return;
  const start = audio.currentTime;
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.setValueAtTime(660, start);
  tone.frequency.setValueAtTime(880, start + 0.15);
  volume.gain.setValueAtTime(0.15, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + 0.5);
  tone.connect(volume).connect(audio.destination);
  tone.start(start);
  tone.stop(start + 0.5);
}

function notify(lead) {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const { hot: id, title, open } = lead.dataset;
  const notification = new Notification(`Tier 1: ${title}`, { body: lead.textContent.trim(), tag: `tier-1-${id}` });
  notification.addEventListener("click", () => {
    window.focus();
    location.href = open;
  });
}

function announceNewLeads() {
  const leads = takeUnannounced();
  if (!leads.length) return;
  if (bell().hasAttribute("data-alarm-sound")) beep();
  if (bell().hasAttribute("data-alarm-notify")) leads.forEach(notify);
}

document.addEventListener("htmx:afterSettle", (event) => event.detail.target?.id === "bell" && announceNewLeads());

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
