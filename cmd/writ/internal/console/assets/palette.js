// The palette: Ctrl-K, or Cmd-K on a Mac, over every page. It shows what the search page
// finds, so that the server decides alone what that is. A dialog that is shown as a modal
// keeps the focus, gives it back, and closes with Escape.

const dialog = document.getElementById("palette");
const query = document.getElementById("palette-query");
const list = document.getElementById("palette-found");
const said = document.getElementById("palette-said");
const opener = document.querySelector("[data-palette]");
const mac = /Mac|iPhone|iPad/.test(navigator.platform);

let running; // the request for what is typed
let shown = Promise.resolve(); // settled when the list is that of what is typed
const options = () => [...list.querySelectorAll('[role="option"]')];
const chosen = () => list.querySelector('[aria-selected="true"]');

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (!option) return query.removeAttribute("aria-activedescendant");
  query.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

// The list of the search page, as the options of a list box.
async function look() {
  running?.abort();
  const asking = (running = new AbortController());
  try {
    const response = await fetch(opener.pathname + "?" + new URLSearchParams({ q: query.value }), { signal: asking.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const found = page.getElementById("found");
    if (asking.signal.aborted) return;
    const groups = found ? [...found.querySelectorAll(".found")] : [];
    let n = 0;
    for (const group of groups) {
      const title = group.querySelector("h2");
      title.id = "palette-" + title.id;
      title.setAttribute("role", "presentation");
      group.setAttribute("role", "group");
      group.setAttribute("aria-labelledby", title.id);
      for (const part of group.querySelectorAll("ul, li")) part.setAttribute("role", "presentation");
      for (const link of group.querySelectorAll("li a")) {
        Object.assign(link, { id: "palette-option-" + n++, tabIndex: -1 });
        link.setAttribute("role", "option");
      }
      group.querySelector(".hint")?.remove();
    }
    const nothing = document.createElement("p");
    nothing.className = "muted";
    nothing.textContent = "Nothing matches.";
    list.replaceChildren(...(n ? groups.map((group) => document.adoptNode(group)) : [nothing]));
    said.textContent = n ? `${found.dataset.total} found` : "Nothing matches.";
    choose(options()[0]);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(opener.href);
  }
}

function open() {
  if (dialog.open) return dialog.close();
  query.value = "";
  list.replaceChildren();
  dialog.showModal();
  query.focus();
  shown = look();
}

opener.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
  event.preventDefault();
  open();
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey || !(mac ? event.metaKey : event.ctrlKey)) return;
  event.preventDefault();
  open();
});
query.addEventListener("input", () => (shown = look()));
query.addEventListener("keydown", async (event) => {
  if (event.isComposing) return;
  const all = options();
  const at = all.indexOf(chosen());
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (to !== undefined && all.length) {
    event.preventDefault();
    choose(all[(to + all.length) % all.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    await shown; // of what was typed, and not of what was there before
    chosen()?.click();
  }
});
list.addEventListener("pointermove", (event) => {
  const option = event.target.closest('[role="option"]');
  if (option && option !== chosen()) choose(option);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // beside it
});
for (const key of opener.querySelectorAll("kbd")) {
  key.hidden = false;
  if (mac) key.textContent = "⌘ K";
}
opener.setAttribute("aria-haspopup", "dialog");
opener.setAttribute("aria-keyshortcuts", mac ? "Meta+K" : "Control+K");
