// SPDX-License-Identifier: Apache-2.0
// One trace as a tree and a timeline. Only the rows in view are in the document, so that 10,000 spans stay quick.
import { amount, count, decimals, dollars, draw, duration, make, time } from "./format.js";
import { figures } from "./overview.js";

const ROW = 26;

export function trace(data, place) {
  const spans = data.spans.map(([depth, id, name, start, length, cost, own, calls, input, output, status, reason]) =>
    ({ depth, id, name, start, length, cost, own, calls, input, output, status, reason, isOpen: true }));
  spans.forEach((span, index) => { span.index = index; span.hasChildren = spans[index + 1]?.depth > span.depth; });
  const most = Math.max(...spans.map((span) => Number(span.own || 0)), 1e-15);
  const digits = decimals(spans.map((span) => span.own), 1);
  const reasons = Object.entries(data.meanings);
  return [
    make("h1", {}, data.name),
    figures([["cost", dollars(data.cost_usd)], ["calls", count(data.calls)], ["unpriced", count(data.unpriced)],
      ["spans", count(spans.length)], ["duration", duration(data.duration_ns)], ["began", time(data.started_at)]]),
    make("h2", {}, "Spans"),
    make("p", { class: "quiet" }, "Arrow keys move, left and right close and open, Enter shows a call. The bar of a call is darker the more it costs."),
    make("div", { class: "head", "aria-hidden": "true" }, make("span", {}, "span"), make("span", { class: "number" }, "subtree"),
      make("span", { class: "number" }, "own cost"), make("span", { class: "extra" }, "status"), make("span", { class: "extra" }, "time")),
    tree(spans, { most, digits }, data, place),
    reasons.length ? make("section", {}, make("h2", {}, "Reasons"), make("dl", { class: "facts" },
      reasons.map(([reason, meaning]) => [make("dt", {}, reason), make("dd", {}, meaning)]))) : null,
  ];
}

function tree(spans, { most, digits }, data, place) {
  const rows = make("div", { class: "rows" });
  const box = make("div", { class: "tree", role: "tree", tabindex: "0", "aria-label": "Spans of the trace" }, rows);
  let shown = [], selected = Math.max(0, spans.findIndex((span) => span.id === place.span));

  function visible() {
    shown = [];
    for (let index = 0; index < spans.length; index++) {
      shown.push(spans[index]);
      if (!spans[index].isOpen) while (spans[index + 1]?.depth > shown[shown.length - 1].depth) index++;
    }
    rows.style.height = shown.length * ROW + "px";
  }

  function render() {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 10), last = Math.min(shown.length, first + Math.ceil(box.clientHeight / ROW) + 20);
    rows.replaceChildren(...shown.slice(first, last).map((span, offset) => row(span, first + offset)));
    box.setAttribute("aria-activedescendant", "span" + selected);
  }

  function row(span, at) {
    const item = make("div", { role: "treeitem", id: "span" + span.index, "aria-level": span.depth + 1, "aria-setsize": spans.length,
      "aria-posinset": at + 1, "aria-selected": span.index === selected ? "true" : "false", "aria-expanded": span.hasChildren ? String(span.isOpen) : null },
      make("span", { class: "name" }, (span.hasChildren ? (span.isOpen ? "▾ " : "▸ ") : "  ") + span.name),
      make("span", { class: "number" }, span.calls ? amount(span.cost, digits) : ""), make("span", { class: "number" }, span.status ? amount(span.own, digits) : ""),
      make("span", { class: (span.status === "unpriced" ? "bad" : "quiet") + " extra" }, [span.status, span.reason].filter(Boolean).join(", ")),
      bar(span, most, data.duration_ns));
    item.style.top = at * ROW + "px";
    item.firstChild.style.paddingLeft = Math.min(span.depth, 30) * 14 + "px";
    item.addEventListener("click", () => { select(span.index); });
    item.addEventListener("dblclick", () => open(span));
    return item;
  }

  function select(index) {
    selected = index;
    const at = shown.findIndex((span) => span.index === index), top = at * ROW;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
    render();
  }

  function open(span) {
    if (span.status) place.go(place.call(data.trace_id, span.id));
    else { span.isOpen = !span.isOpen; visible(); render(); }
  }

  box.addEventListener("keydown", (event) => {
    const at = shown.findIndex((span) => span.index === selected), span = shown[at];
    const page = Math.max(1, Math.floor(box.clientHeight / ROW) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length };
    if (event.key in moves) select(shown[Math.min(shown.length - 1, Math.max(0, at + moves[event.key]))].index);
    else if (event.key === "Enter") open(span);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (!span.hasChildren) return;
      span.isOpen = event.key === "ArrowRight";
      visible(); render();
    } else return;
    event.preventDefault();
  });
  box.addEventListener("scroll", render);
  visible();
  new ResizeObserver(render).observe(box);
  requestAnimationFrame(() => select(selected));
  return box;
}

function bar(span, most, whole) {
  const x = (100 * span.start) / (whole || 1), width = Math.max((100 * span.length) / (whole || 1), 0.4);
  const strength = span.own === null ? 0.18 : 0.35 + 0.65 * Math.sqrt(Number(span.own) / most);
  const said = duration(span.length) + ", begins after " + duration(span.start);
  return make("span", { class: "time extra", title: said }, draw("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { x, width, y: 1, height: 10, fill: span.own === null ? "var(--quiet)" : "var(--s1)", "fill-opacity": strength })));
}
