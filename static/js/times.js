// Keeps "3 minutes ago" and "in 12 seconds" true while a page stays open. Without it they are as of when it was made, which
// is true for the first second: the page itself comes first. The exact moment is told in the reader's own time once it is
// pointed at; the browser takes longer to load its words for that than for all else on the page.
const EVERY_MS = 1000;
const UNITS = [["second", 1, 60], ["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 14]];
const TIMES = "time[datetime]";

function inWords(seconds, isDue) {
  if (seconds < 1 && (isDue || seconds > -45)) return isDue ? "any moment now" : "just now";
  for (const [unit, size, most] of UNITS) {
    const count = Math.max(1, Math.round(Math.abs(seconds) / size));
    const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
    if (count < most) return seconds < 0 ? `${words} ago` : `in ${words}`;
  }
  return null;
}

function refresh(time) {
  const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
  const words = inWords(seconds, time.parentElement.hasAttribute("data-due"));
  if (words && words !== time.textContent) time.textContent = words;
}

setInterval(() => document.querySelectorAll(TIMES).forEach(refresh), EVERY_MS);
document.addEventListener("pointerover", ({ target }) => {
  const time = target.closest(TIMES);
  if (time) time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
});
