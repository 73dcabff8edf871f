// Keeps "3 minutes ago" and "in 12 seconds" true while a page stays open. Without it they are as of when it was made, which
// is true for the first second: the page itself comes first.
const EVERY_MS = 1000;
const UNITS = [["second", 1, 60], ["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 14]];
let relative, exact;

function inWords(seconds, isDue) {
  if (seconds < 1 && (isDue || seconds > -45)) return isDue ? "any moment now" : "just now";
  for (const [unit, size, most] of UNITS) {
    const count = Math.max(1, Math.round(Math.abs(seconds) / size));
    if (count < most) return relative.format(Math.sign(seconds) * count, unit);
  }
  return null;
}

function refresh(time) {
  const moment = new Date(time.dateTime);
  const words = inWords((moment - Date.now()) / 1000, time.parentElement.hasAttribute("data-due"));
  if (words && words !== time.textContent) time.textContent = words;
  const title = exact.format(moment);
  if (title !== time.title) time.title = title;
}

function refreshAll() {
  relative ??= new Intl.RelativeTimeFormat("en", { numeric: "always" });
  exact ??= new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
  document.querySelectorAll("time[datetime]").forEach(refresh);
}

setInterval(refreshAll, EVERY_MS);
