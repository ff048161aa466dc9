// Times: relative ones go on, and what is on hover is in the viewer's zone.
const units = [["d", 86400000], ["h", 3600000], ["min", 60000], ["s", 1000]];

export function ago(milliseconds) {
  const found = units.find(([, length]) => Math.abs(milliseconds) >= length);
  if (!found) return "just now";
  const text = `${Math.floor(Math.abs(milliseconds) / found[1])} ${found[0]}`;
  return milliseconds < 0 ? `in ${text}` : `${text} ago`;
}

const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export function improveTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (!Number.isNaN(when.valueOf())) time.title = shown.format(when);
  }
}

// Once a minute, and only those that are young enough to change.
export function keepTimes() {
  setInterval(() => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[datetime]")) {
      const age = now - new Date(time.dateTime).valueOf();
      if (age < 86400000) time.textContent = ago(age);
    }
  }, 60000);
}
