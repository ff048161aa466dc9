// What happens elsewhere is seen here: the stream of events tells that something changed, and the parts of this page that
// are different now are fetched and put in their places.
import { improveTimes } from "./times.js";

const about = document.body.dataset.live;
let source = null;
let waiting = 0;
let position = "";

// Several subjects stand in lines; `*` is any.
function concerns(subject) {
  return about.split("\n").some((each) => each === "*" || (
    each.endsWith("/") ? subject.startsWith(each) : subject === each || subject.startsWith(`${each}/`)));
}

function heard(event) {
  position = event.lastEventId;
  if (!concerns(JSON.parse(event.data).subject)) return;
  clearTimeout(waiting);
  waiting = setTimeout(refresh, 120);
}

// Chosen boxes and the focus stay where they are.
function keep(now, next) {
  for (const box of now.querySelectorAll("input:checked")) {
    const same = [...next.querySelectorAll("input")].find((each) => each.name === box.name && each.value === box.value);
    if (same) same.checked = true;
  }
}

const plain = (element) => element.outerHTML.replace(/ class="(at|changed)"| changed\b| at\b/g, "").replace(/<time[^>]*>[^<]*<\/time>/g, (time) => time.match(/datetime="([^"]*)"/)?.[1] ?? "");

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const now of document.querySelectorAll("[data-part]")) {
    const next = page.getElementById(now.id);
    if (next && plain(next) !== plain(now)) put(now, next);
  }
}

function put(now, next) {
  const focused = now.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const before = new Map([...now.querySelectorAll("tr[id], li")].map((row) => [row.id || row.textContent, plain(row)]));
  keep(now, next);
  const made = document.importNode(next, true);
  now.replaceWith(made);
  improveTimes(made);
  const rows = [...made.querySelectorAll("tr[id], li")];
  const changed = rows.filter((row) => before.get(row.id || row.textContent) !== plain(row));
  for (const element of changed.length ? changed : [made]) element.classList.add("changed");
  if (focused) [...made.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
}

function begin() {
  if (source || document.hidden) return;
  source = new EventSource(position ? `/api/v1/events?position=${position}` : "/api/v1/events");
  for (const name of document.body.dataset.events.split(" ")) source.addEventListener(name, heard);
  const pulse = document.getElementById("pulse");
  source.onopen = () => { pulse.classList.add("on"); document.body.dataset.following = "yes"; };
  source.onerror = () => pulse.classList.remove("on");
}

// A hidden tab holds no connection: browsers have but six for a server.
function end() {
  source?.close();
  source = null;
}

export function follow() {
  if (!about || !window.EventSource) return;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { end(); } else { begin(); refresh(); }
  });
  addEventListener("pagehide", end);
  begin();
}
