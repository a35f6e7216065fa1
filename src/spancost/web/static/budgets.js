// SPDX-License-Identifier: Apache-2.0
// How much of each budget is used. A budget for each value of a key shows the values that used most.
import { count, dollars, draw, make, share, table, time } from "./format.js";

const NEAR = 0.8;
const LENGTHS = [["day", 86400], ["hour", 3600], ["minute", 60]];

export function budgets(found, place) {
  if (!found.budgets.length) return [make("p", { class: "quiet" }, found.at === null && !place.isFile
    ? "No budget is shown. spancost view --budgets FILE shows those of a file, SPANCOST_BUDGETS those in force." : "No budget.")];
  const columns = [{ title: "budget" }, { title: "used", number: true }, { title: "limit", number: true }, { title: "share", number: true },
    { title: "" }, { title: "reserved", number: true }, { title: "window" }, { title: "used up" }];
  const known = found.budgets.some((each) => each.rows.some((row) => row.reserved_usd !== null));
  if (!known) columns.splice(5, 1);
  const rows = found.budgets.flatMap((each) => rowsOf(each, place, known));
  return [table("After the calls until " + time(found.at) + ". A budget has conditions of its own: filters of this page change none.", columns, rows),
    found.fault ? make("p", { class: "warn" }, found.fault) : null];
}

// A budget of one value is a row; one of many has a row of its own above those of the values.
function rowsOf(budget, place, known) {
  const cells = (name, used, limit, share, reserved, window, state) => [name, used, limit, share === null ? "" : percent(share),
    share === null ? "" : bar(share), ...(known ? [reserved === null ? "" : dollars(reserved)] : []), window, state];
  const name = make("span", {}, make("b", {}, budget.id), make("span", { class: "quiet" }, conditions(budget)));
  const limit = dollars(budget.limit_usd), window = windowOf(budget), first = budget.rows[0];
  if (budget.why_unknown) return [cells(name, "", limit, null, null, window, make("span", { class: "quiet" }, "not known: " + budget.why_unknown))];
  if (!first) return [cells(name, dollars("0"), limit, 0, null, window, "")];
  if (!first.key) return [cells(name, money(first), limit, first.share, first.reserved_usd, window, stateOf(budget, first))];
  const values = budget.rows.map((used) => cells(make("span", { class: "value" }, keyOf(used, place)), money(used), "", used.share, used.reserved_usd, "",
    stateOf(budget, used)));
  const more = budget.values - budget.rows.length;
  const above = budget.exhausted ? make("span", { class: "bad" }, count(budget.exhausted) + " of " + count(budget.values) + " used up") : "";
  const below = more > 0 ? [cells(make("span", { class: "value quiet" }, count(more) + " more"), "", "", null, null, "", "")] : [];
  return [cells(name, "", limit, null, null, window, above), ...values, ...below];
}

function conditions(budget) {
  const per = budget.per.length ? " for each " + budget.per.join(", ") : "";
  return per + (budget.match.length ? " where " + budget.match.join(", ") : "");
}

function keyOf(used, place) {
  const text = used.key.split(",").map((each) => (/^[0-9a-f]{32}$/.test(each) ? each.slice(0, 16) : each)).join(", ");
  return used.trace_id && !place.isFile ? make("a", { href: place.trace(used.trace_id) }, text) : text;
}

function money(used) {
  const title = used.assumed_usd ? dollars(used.assumed_usd) + " of it for " + count(used.unpriced) + " calls without a price, at the highest known rates" : null;
  return make("span", { title }, dollars(used.used_usd) + (used.assumed_usd ? " *" : ""));
}

const percent = (part) => (100 * part).toFixed(1) + " %";

function windowOf(budget) {
  if (budget.window === "rolling") {
    const [unit, length] = LENGTHS.find((each) => budget.rolling_seconds % each[1] === 0) ?? ["second", 1];
    const number = budget.rolling_seconds / length;
    return "last " + (number === 1 ? unit : count(number) + " " + unit + "s");
  }
  if (!budget.ends) return budget.window;
  return budget.window + ", until " + budget.ends.slice(0, 16).replace("T", " ");
}

function stateOf(budget, used) {
  if (used.share >= 1) return make("span", { class: "bad" }, budget.at_limit === "warn" ? "over the limit" : "used up");
  if (used.runs_out) return make("span", { class: "warn" }, "expected on " + used.runs_out);
  return used.share >= NEAR ? make("span", { class: "warn" }, "nearly") : "";
}

function bar(part) {
  const colour = part >= 1 ? "var(--bad)" : part >= NEAR ? "var(--warn)" : "var(--s0)";
  return draw("svg", { class: "used", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width: 100, height: 8, fill: "var(--line)" }), draw("rect", { width: Math.min(100, 100 * part), height: 8, fill: colour }));
}
