// SPDX-License-Identifier: Apache-2.0
// Numbers and times for people, and elements whose text is never markup. Money arrives as exact decimal text.

export function dollars(text) {
  if (text === null || text === undefined) return "unknown";
  const value = Number(text), size = Math.abs(value);
  if (size >= 100) return "$" + value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  if (size >= 0.01 || size === 0) return "$" + value.toFixed(4);
  const digits = Math.min(20, 2 - Math.floor(Math.log10(size)));
  return "$" + value.toFixed(digits);
}

// How many decimals a column of amounts has, so that they line up: three digits and more of the largest.
export function decimals(amounts, more = 0) {
  const most = Math.max(...amounts.map((text) => Math.abs(Number(text ?? 0))), 0);
  if (most >= 100 || most === 0) return 2;
  return Math.min(15, (most >= 1 ? 4 : 3 - Math.floor(Math.log10(most))) + more);
}

// An amount of a column with so many decimals; one that is too small for them is said to be.
export function amount(text, digits) {
  if (text === null || text === undefined) return "unknown";
  const value = Number(text), least = 10 ** -digits;
  if (value > 0 && value < least / 2) return "< $" + least.toFixed(digits);
  return "$" + value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Exact decimal texts with as many decimals each.
export function aligned(texts) {
  const length = Math.max(...texts.map((text) => (text.split(".")[1] ?? "").length), 0);
  return texts.map((text) => (length ? text.split(".")[0] + "." + (text.split(".")[1] ?? "").padEnd(length, "0") : text));
}

export const count = (value) => Number(value || 0).toLocaleString("en-US");

export function share(part, whole) {
  if (!whole) return "";
  const percent = (100 * part) / whole;
  return percent && percent < 0.1 ? "< 0.1 %" : percent.toFixed(1) + " %";
}

export function duration(ns) {
  const seconds = ns / 1e9;
  if (seconds >= 60) return (seconds / 60).toFixed(1) + " min";
  return seconds >= 1 ? seconds.toFixed(2) + " s" : (ns / 1e6).toFixed(1) + " ms";
}

export const time = (text) => (text ? text.slice(0, 19).replace("T", " ") + " UTC" : "");

// make("a", { href: "…", class: "x" }, "text" or element, …)
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined) element.append(typeof child === "object" ? child : printable(String(child)));
  }
  return element;
}

// Control characters and endless names are data of strangers: shown, but not obeyed.
export function printable(text) {
  const shown = text.length > 500 ? text.slice(0, 500) + "… (" + count(text.length) + " characters)" : text;
  return shown.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "\ufffd");
}

const LONG = 36;

// columns: title; number: right-aligned; usd: an amount as text; text: long; extra: left out on narrow windows.
export function table(caption, columns, rows) {
  const digits = columns.map((column, at) => (column.usd ? decimals(rows.map((row) => row[at])) : 0));
  const kind = (column) => [column.number || column.usd ? "number" : column.text ? "text" : "key", column.extra ? "extra" : ""].join(" ").trim();
  const head = make("tr", {}, columns.map((column) => make("th", { scope: "col", class: kind(column) }, column.title)));
  const body = rows.map((row) => make("tr", {}, row.map((given, at) => {
    const { usd } = columns[at], shown = usd && given !== "" ? amount(given, digits[at]) : given;
    const cell = make("td", { class: kind(columns[at]), title: usd && given ? "$" + given : null }, shown);
    if (cell.textContent.length > LONG) cell.classList.add("long");
    return cell;
  })));
  const made = make("table", { "aria-label": caption || null }, make("thead", {}, head), make("tbody", {}, body));
  const box = make("div", { class: "wide" }, made);
  // What scrolls can be reached by the keyboard.
  requestAnimationFrame(() => {
    const names = { tabindex: "0", role: "region", "aria-label": caption || columns.map((column) => column.title).join(", ") };
    if (box.scrollWidth > box.clientWidth) Object.entries(names).forEach(([name, value]) => box.setAttribute(name, value));
  });
  return make("div", {}, caption ? make("p", { class: "quiet caption" }, caption) : null, box);
}
