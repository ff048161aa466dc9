// The keyboard: single keys, which can be switched off (WCAG 2.1.4), and none while somebody types.
const stored = "modelshelf.keys";
let waitsForPlace = false;
let at = null;

const rows = () => [...document.querySelectorAll("[data-row]")];
const isOn = () => { try { return localStorage.getItem(stored) !== "off"; } catch { return true; } };

function go(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.indexOf(at);
  const next = all[Math.min(Math.max(now + step, 0), all.length - 1)];
  at?.classList.remove("at");
  at = next;
  at.classList.add("at");
  at.scrollIntoView({ block: "nearest" });
  (at.querySelector("th a") || at.querySelector("a"))?.focus({ preventScroll: true });
}

function section(key) {
  const place = [...document.querySelectorAll("nav [data-key]")].find((link) => link.dataset.key === key);
  if (place) location.assign(place.href);
}

function choose() {
  const box = (at || rows()[0])?.querySelector('input[name="of"]');
  if (box) box.checked = !box.checked;
}

function compare() {
  const form = document.querySelector('input[name="of"]')?.form;
  if (form && form.querySelectorAll('input[name="of"]:checked').length > 1) form.requestSubmit();
}

const actions = {
  "/": () => document.getElementById("q")?.focus(),
  j: () => go(1),
  k: () => go(-1),
  g: () => { waitsForPlace = true; setTimeout(() => { waitsForPlace = false; }, 1500); },
  x: choose,
  c: compare,
  p: () => document.querySelector('[data-shortcut="p"]')?.click(),
  t: () => document.getElementById("theme")?.click(),
  "?": () => document.getElementById("help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !isOn()) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog[open]")) return;
  if (waitsForPlace) {
    waitsForPlace = false;
    section(event.key);
    event.preventDefault();
    return;
  }
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

export function listen() {
  document.addEventListener("keydown", pressed);
  document.getElementById("help-button").addEventListener("click", () => document.getElementById("help").showModal());
  const box = document.getElementById("keys-on");
  box.checked = isOn();
  box.addEventListener("change", () => {
    try { localStorage.setItem(stored, box.checked ? "on" : "off"); } catch { /* then they stay on */ }
  });
}
