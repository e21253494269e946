// What the pages do beyond plain HTML: lists, previews and changes that follow the typing,
// pages that follow the configuration, copying, and arrow keys among tabs.

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
    const address = new URL(form.getAttribute("action") || location.pathname, location.href);
    address.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
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

// A form that changes the configuration: at each pause in typing the server is asked what it
// would change, and the parts of the page that follow are those of its answer.
function edit(form) {
  const touched = new Set();
  let running;
  const show = later(150, async () => {
    running?.abort();
    running = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.delete("seen");
    body.delete("action");
    body.set("touched", [...touched, "-"].join(" "));
    try {
      const response = await fetch(form.getAttribute("action"), { method: "POST", body, signal: running.signal });
      follow(new DOMParser().parseFromString(await response.text(), "text/html"), touched);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  });
  const asRows = { scope_name: "scopes", scope_description: "scopes", scope_sensitive: "scopes", metadata_key: "metadata", metadata_value: "metadata" };
  form.addEventListener("input", (event) => {
    touched.add(asRows[event.target.name] ?? event.target.name);
    if (event.target.name === "name") touched.add("label");
    if (event.target.name === "signing_alg") touched.add("signing_secret");
    show();
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value === "write" || event.submitter?.value === "make") return;
    event.preventDefault();
    for (const e of form.elements) if (e.value) touched.add(asRows[e.name] ?? e.name);
    touched.add("identifier").add("label");
    show();
  });
}

function follow(page, touched) {
  for (const part of $$("[data-follow]")) {
    const next = page.getElementById(part.id);
    if (!next || touched.has(part.dataset.unless) || part.contains(document.activeElement)) continue;
    part.replaceWith(document.adoptNode(next));
    enhance(next);
  }
  for (const input of $$("[data-follow-placeholder]")) input.placeholder = page.getElementById(input.id)?.placeholder ?? "";
  for (const input of $$("[aria-describedby]")) {
    const bad = input.getAttribute("aria-describedby").split(" ").some((id) => {
      const note = document.getElementById(id);
      return note?.classList.contains("error") && !note.hidden;
    });
    input.setAttribute("aria-invalid", String(bad));
  }
}

// Rows of which there is always an empty one.
function rows(list) {
  list.addEventListener("input", () => {
    const last = list.lastElementChild;
    if (![...$$("input", last)].some((input) => input.type !== "checkbox" && input.value)) return;
    const next = last.cloneNode(true);
    const n = list.children.length;
    for (const input of $$("input", next)) {
      if (input.type === "checkbox") Object.assign(input, { value: n, checked: false });
      else input.value = "";
      input.placeholder = "";
      if (input.ariaLabel) input.ariaLabel = input.ariaLabel.replace(/\d+$/, n + 1);
    }
    list.append(next);
  });
}

// What the page shows follows what is served. A page on which somebody has begun to type, or
// has an answer, keeps its content; why a configuration is rejected is shown on any.
function events(root) {
  let shown = root.dataset.shows;
  const source = new EventSource(root.dataset.events);
  const look = async (event) => {
    if (event.data === shown) return;
    shown = event.data;
    const response = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const take = (selector) => {
      const [old, next] = [$(selector), $(selector, page)];
      if (!old || !next) return;
      const opened = new Set($$("details[open] > summary", old).map((summary) => summary.textContent));
      for (const summary of $$("details > summary", next)) if (opened.has(summary.textContent)) summary.parentElement.open = true;
      old.replaceWith(document.adoptNode(next));
      enhance($(selector));
    };
    const busy = dirty || $("[data-keep]") || document.activeElement?.closest("main form, main [data-follow]");
    if (busy || response.status !== 200) take("#trouble");
    else take("main");
    take("#footer");
    take("#about dl"); // it may be open
    const rejected = $("#trouble .rejected");
    if (rejected) overlay(rejected);
  };
  source.addEventListener("change", look);
  source.addEventListener("hello", look);
  addEventListener("pagehide", () => source.close());
}

let dirty = false;
document.addEventListener("input", (event) => (dirty ||= Boolean(event.target.closest("form[method=post]"))));

function overlay(section) {
  section.classList.add("overlay");
  section.setAttribute("role", "alert");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "copy";
  close.textContent = "Close";
  close.addEventListener("click", () => section.classList.remove("overlay") ?? close.remove());
  section.prepend(close);
}

// Times in the reader's own zone; the title has UTC.
function local(time) {
  const at = new Date(time.dateTime);
  const two = (n) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  time.textContent = { day, clock, minute: day + " " + clock }[time.dataset.local];
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
  $$("[data-edit]", root).forEach(edit);
  $$("[data-rows]", root).forEach(rows);
  $$("time[data-local]", root).forEach(local);
  $$(".copy", root).forEach(copy);
  $$(".tabs", root).forEach(tabs);
}

// "/" leads to the search, as in most consoles.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const field = $("[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
});

enhance(document);
if (document.documentElement.dataset.events) events(document.documentElement);
if (location.hash === "#answer") $("#answer")?.focus();
