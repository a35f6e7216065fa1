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

export function table(caption, columns, rows) {
  const head = make("tr", {}, columns.map((column) => make("th", { scope: "col", class: column.number ? "number" : null }, column.title)));
  const body = rows.map((row) =>
    make("tr", {}, row.map((cell, index) => make("td", { class: columns[index].number ? "number" : "key" }, cell))));
  return make("div", { class: "wide" }, make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, body)));
}
