// The address of the page says which summary it shows, so that loading it again or sending it to somebody shows the same.
const NAMES = ["style", "language", "instruction"];

document.addEventListener("click", (event) => {
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.("a.ways__way");
  if (!link) return;
  const here = new URL(location.href);
  const wanted = new URL(link.href).searchParams;
  for (const name of NAMES) {
    if (wanted.has(name)) here.searchParams.set(name, wanted.get(name));
    else here.searchParams.delete(name);
  }
  here.hash = "";
  history.replaceState(history.state, "", here);
});
