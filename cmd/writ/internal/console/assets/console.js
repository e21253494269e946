// What the pages do beyond plain HTML: lists and previews that follow the
// typing, the live check of a new API, copying, and arrow keys among tabs.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const later = (ms, f) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(f, ms, ...args);
  };
};

// Replaces one part of this page by the same part of another address's page.
let asked;
async function replace(address, selector) {
  asked?.abort();
  asked = new AbortController();
  try {
    const response = await fetch(address, { signal: asked.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = $(selector, page);
    if (!part) return;
    $(selector).replaceWith(document.adoptNode(part));
    enhance($(selector));
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  }
}

// A form whose result follows what is typed. It never holds a secret: those
// forms are sent by POST only.
function live(form) {
  const go = later(120, () => {
    const address = new URL(form.action || location.pathname, location.href);
    address.search = new URLSearchParams(new FormData(form)).toString();
    address.hash = "";
    history.replaceState(null, "", address);
    replace(address, form.dataset.live);
  });
  form.addEventListener("input", go);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
}

// The request as the form has it, by the fields that are named and no others.
function preview(form) {
  const fields = form.dataset.fields.split(" ");
  form.addEventListener("input", later(120, (event) => {
    if (!fields.includes(event.target.name)) return;
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (fields.includes(name)) query.append(name, value);
    }
    replace(location.pathname + "?" + query, form.dataset.preview);
  }));
}

// The new API, checked by the server as it is typed.
function draft(form) {
  const touched = new Set();
  const check = later(150, async () => {
    const response = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok) return;
    const answer = await response.json();
    $("#label").placeholder = answer.label;
    for (const note of $$("[data-finding]", form)) {
      const field = note.id.replace(/-finding$/, "");
      const found = answer.fields[field] ?? {};
      const input = form.elements[field];
      const text = touched.has(field) || field === "signing_secret" && input.value ? found.error ?? found.warning ?? "" : "";
      note.hidden = !text;
      note.textContent = text;
      note.className = found.error ? "error" : "warning";
      input.setAttribute("aria-invalid", String(Boolean(text && found.error)));
    }
    $("#hcl code").textContent = answer.hcl;
    $("#block-file").textContent = answer.file;
    $("#block").hidden = !answer.ok;
    $("#block-wait").hidden = answer.ok;
  });
  form.addEventListener("input", (event) => {
    touched.add(event.target.name);
    if (event.target.name === "name" && !form.elements.label.value) touched.add("label");
    if (event.target.name === "distinct_from") touched.add("identifier");
    if (event.target.name === "signing_alg") touched.add("signing_secret");
    check();
  });
  if ([...form.elements].some((e) => e.name === "identifier" && e.value)) {
    for (const e of form.elements) touched.add(e.name);
    check();
  }
}

function copy(button) {
  button.hidden = false;
  const label = button.firstChild;
  button.addEventListener("click", async () => {
    const text = button.dataset.copyText ?? $(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      label.data = "Copied";
    } catch {
      label.data = "Not copied";
    }
    setTimeout(() => (label.data = "Copy"), 1600);
  });
}

function tabs(list) {
  list.addEventListener("keydown", (event) => {
    const all = $$('[role="tab"]', list);
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  });
  $('[aria-selected="true"]', list)?.scrollIntoView({ block: "nearest", inline: "center" });
}

function enhance(root) {
  $$("[data-without-js]", root).forEach((e) => (e.hidden = true));
  $$("[data-live]", root).forEach(live);
  $$("[data-preview]", root).forEach(preview);
  $$("[data-check]", root).forEach(draft);
  $$(".copy", root).forEach(copy);
  $$(".tabs", root).forEach(tabs);
}

enhance(document);
if (location.hash === "#answer") $("#answer")?.focus();
