// What lies on a path through the drawing stands out while a pointer or the focus is on one
// of its ends, or on the line.

function light(event) {
  const lit = document.querySelector("svg.graph.lit");
  const on = event.target.closest?.("svg.graph [data-node], svg.graph [data-edge]");
  if (!on) {
    // A pointer that leaves does not take the focus's path away.
    const focused = document.activeElement?.closest("svg.graph [data-node]");
    if (focused && event.type !== "focusout") mark(focused);
    else lit?.classList.remove("lit");
    return;
  }
  if (event.type === "focusout") lit?.classList.remove("lit");
  else mark(on);
}

function mark(on) {
  const svg = on.closest("svg");
  const at = new Set(on.dataset.node ? [on.dataset.node] : on.dataset.edge.split(" "));
  const nodes = new Set(at);
  for (const edge of svg.querySelectorAll("[data-edge]")) {
    const ends = edge.dataset.edge.split(" ");
    const lies = on.dataset.node ? ends.includes(on.dataset.node) : edge === on;
    edge.classList.toggle("on", lies);
    if (lies) ends.forEach((end) => nodes.add(end));
  }
  for (const node of svg.querySelectorAll("[data-node]")) node.classList.toggle("on", nodes.has(node.dataset.node));
  svg.classList.add("lit");
}

for (const type of ["pointerover", "focusin", "focusout"]) document.addEventListener(type, light);
