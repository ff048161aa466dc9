// What pages do better with scripts; without them, everything works by links and forms.
import { improveTimes, keepTimes } from "./times.js";
import { follow } from "./live.js";
import { listen } from "./keys.js";

document.documentElement.classList.add("scripted");

// MLflow's addresses: /#/models/churn/versions/3, /#/experiments/1/runs/abc
function fromHash() {
  if (location.pathname !== "/" || !location.hash.startsWith("#/")) return;
  const [path, query] = location.hash.slice(1).split("?");
  const parts = path.split("/").filter(Boolean);
  if (parts[0] === "models") {
    location.replace(`/${parts.slice(0, 4).join("/")}`);
  } else if (parts[0] === "experiments" && parts[2] === "runs" && parts[3]) {
    location.replace(`/runs/${parts[3]}`);
  } else if (parts[0] === "experiments") {
    location.replace(parts[1] ? `/experiments/${parts[1]}` : "/experiments");
  } else if (parts[0] === "compare-runs" && query) {
    const runs = JSON.parse(new URLSearchParams(query).get("runs") || "[]");
    location.replace(`/compare?${runs.map((run) => `of=runs/${encodeURIComponent(run)}`).join("&")}`);
  }
}

function copying(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  navigator.clipboard.writeText(text).then(() => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
}

// One sheet at a time, closed by Escape and by a click beside it.
function sheets() {
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.pop[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll("details.pop[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });
}

function theming() {
  const button = document.getElementById("theme");
  const order = ["auto", "dark", "light"];
  button.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = button.value;
    const following = order[(order.indexOf(chosen) + 1) % order.length];
    document.documentElement.dataset.theme = chosen;
    document.cookie = `modelshelf_theme=${chosen}; path=/; max-age=31536000; samesite=lax`;
    button.value = following;
    button.title = `Colours: ${chosen}. Change to ${following}`;
    button.querySelector(".unseen").textContent = button.title;
  });
}

fromHash();
document.addEventListener("click", copying);
sheets();
theming();
improveTimes(document);
keepTimes();
listen();
follow();
