// Leads from a sentence of a summary to its passage in the text, marks its words, and leads back: a click, Enter or a
// tap on the link; then Escape or the link that appears. Without this, the address of the link does it (:target).
const HIGHLIGHT = "passage";
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let shown = null;

const bare = (words) => words.replace(/\s+/gu, "");

// The range of the words of a quote from the beginning of a block on, whatever the white space; null if not there.
function rangeOf(quote, block) {
  const wanted = bare(quote);
  const own = bare(block.textContent).length;
  const walker = document.createTreeWalker(block.closest(".prose") ?? block, NodeFilter.SHOW_TEXT);
  const places = [];
  let text = "";
  walker.currentNode = block;
  while (wanted && text.length < own + wanted.length && walker.nextNode()) {
    const node = walker.currentNode;
    for (const { index } of node.data.matchAll(/\S/g)) places.push([node, index]);
    text += bare(node.data);
  }
  const start = wanted ? text.indexOf(wanted) : -1;
  if (start < 0 || start >= own) return null;
  const range = new Range();
  range.setStart(...places[start]);
  const [node, index] = places[start + wanted.length - 1];
  range.setEnd(node, index + 1);
  return range;
}

function scrollTo(place) {
  const { top, height } = place.getBoundingClientRect();
  const above = Math.max(innerHeight / 5, (innerHeight - height) / 2.5);
  scrollBy({ top: top - above, behavior: calm.matches ? "instant" : "smooth" });
}

// Comes right after the passage, so that Tab reaches it, and stays in view.
function wayBack(block) {
  const link = document.createElement("a");
  link.className = "button button--small passage-back";
  link.href = "#main";
  link.textContent = "Back to the summary";
  const whole = block.closest(".prose > *") ?? block;
  whole.after(link);
  return link;
}

function show(link, block) {
  end();
  const range = rangeOf(link.dataset.quote ?? "", block);
  const isExact = Boolean(range && CSS.highlights);
  block.dataset.passageIn = isExact ? "words" : "block";
  if (isExact) CSS.highlights.set(HIGHLIGHT, new Highlight(range));
  const hadTabindex = block.hasAttribute("tabindex");
  if (!hadTabindex) block.tabIndex = -1;
  shown = { link, block, hadTabindex, back: wayBack(block) };
  block.focus({ preventScroll: true });
  scrollTo(range ?? block);
}

function end() {
  if (!shown) return;
  CSS.highlights?.delete(HIGHLIGHT);
  delete shown.block.dataset.passageIn;
  if (!shown.hadTabindex) shown.block.removeAttribute("tabindex");
  shown.back.remove();
  shown = null;
}

// The link itself, or the same one if the summary was drawn again in the meantime.
function origin({ link }) {
  if (link.isConnected) return link;
  const links = [...document.querySelectorAll("a.passage-link")];
  return links.find((other) => other.href === link.href) ?? links[0] ?? document.getElementById("main");
}

function goBack() {
  const place = origin(shown);
  end();
  if (!place) return;
  place.focus({ preventScroll: true });
  scrollTo(place);
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.("a.passage-link, a.passage-back");
  if (!link) return;
  if (link.matches(".passage-back")) {
    event.preventDefault();
    if (shown) goBack();
    return;
  }
  const block = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!block) return; // in another part of the text: the address of the link leads there
  event.preventDefault();
  show(link, block);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && shown && !event.defaultPrevented) goBack();
});
