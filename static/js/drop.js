// Takes files that are dropped anywhere on the form, and tells which were chosen. Without it the input does all.
const input = document.getElementById("file");
const form = input.form;
const bring = input.closest(".bring");
const chosen = bring.querySelector("[data-chosen]");
const NAMED = 5;

function tell() {
  const names = Array.from(input.files, file => file.name);
  const more = names.length - NAMED;
  chosen.textContent = names.length < 2 ? "" :
    `${names.length} files: ${names.slice(0, NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function add(files) {
  const all = new DataTransfer();
  for (const file of [...input.files, ...files]) all.items.add(file);
  input.files = all.files;
  tell();
}

const hasFiles = event => event.dataTransfer?.types.includes("Files");

bring.querySelector("[data-drop]").hidden = !matchMedia("(hover: hover)").matches;
input.addEventListener("change", tell);
form.addEventListener("dragover", event => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  bring.classList.add("bring--over");
});
form.addEventListener("dragleave", event => {
  if (!form.contains(event.relatedTarget)) bring.classList.remove("bring--over");
});
form.addEventListener("drop", event => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  bring.classList.remove("bring--over");
  add(event.dataTransfer.files);
});
