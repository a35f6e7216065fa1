// SPDX-License-Identifier: Apache-2.0
// How much of each budget is used. A budget for each value of a key shows the values that used most.
import { aligned, amount, count, decimals, dollars, draw, make, table, time } from "./format.js";

const NEAR = 0.8;
const LENGTHS = [["day", 86400], ["hour", 3600], ["minute", 60]];

export function budgets(found, place) {
  if (!found.budgets.length) return [make("p", { class: "quiet" }, found.at === null && !place.isFile
    ? "No budget is shown. spancost view --budgets FILE shows those of a file, SPANCOST_BUDGETS those in force." : "No budget.")];
  const columns = [{ title: "budget" }, { title: "used", number: true }, { title: "limit", number: true }, { title: "share", number: true },
    { title: "", extra: true }, { title: "reserved", usd: true, extra: true }, { title: "window", extra: true }, { title: "state", extra: true }];
  const known = found.budgets.some((each) => each.rows.some((row) => row.reserved_usd !== null));
  if (!known) columns.splice(5, 1);
  const limits = aligned(found.budgets.map((each) => each.limit_usd.replace(/^(\d+)$/, "$1.00").replace(/(\.\d)$/, "$10")));
  found.budgets.forEach((each, at) => { each.limit_text = limits[at]; });
  const digits = decimals(found.budgets.flatMap((each) => each.rows.map((row) => row.used_usd)));
  const rows = found.budgets.flatMap((each) => rowsOf(each, place, known, digits));
  const assumed = found.budgets.some((each) => each.rows.some((row) => row.assumed_usd));
  return [table("As of " + time(found.at) + ". Filters by column change nothing here: a budget has conditions of its own." +
    (assumed ? " * With calls without a price, at the highest known rates." : ""), columns, rows),
    found.fault ? make("p", { class: "warn" }, found.fault) : null];
}

// A budget of one value is a row; one of many has a row of its own above those of the values.
function rowsOf(budget, place, known, digits) {
  const cells = (name, used, limit, share, reserved, window, state) => [name, used, limit, share === null ? "" : make("span", { class: levelOf(share) }, percent(share)),
    share === null ? "" : bar(share), ...(known ? [reserved ?? ""] : []), window, state];
  const name = make("span", {}, make("b", {}, budget.id), make("span", { class: "quiet extra" }, conditions(budget)));
  const limit = "$" + budget.limit_text, window = windowOf(budget), first = budget.rows[0];
  if (budget.why_unknown) return [cells(name, "", limit, null, null, window, make("span", { class: "quiet" }, "not known: " + budget.why_unknown))];
  if (!first) return [cells(name, amount("0", digits), limit, 0, null, window, "")];
  if (!first.key) return [cells(name, money(first, digits), limit, first.share, first.reserved_usd, window, stateOf(budget, first))];
  const values = budget.rows.map((used) => cells(make("span", { class: "value" }, keyOf(used, place)), money(used, digits), "", used.share, used.reserved_usd, "",
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
  const text = used.key.split(",").map((each) => (/^[0-9a-f]{32}$/.test(each) ? each.slice(0, 8) : each)).join(", ");
  return used.trace_id && !place.isFile ? make("a", { href: place.trace(used.trace_id) }, text) : text;
}

function money(used, digits) {
  const title = used.assumed_usd ? dollars(used.assumed_usd) + " of it for " + count(used.unpriced) + " calls without a price, at the highest known rates" : null;
  return make("span", { title, class: "starred" }, amount(used.used_usd, digits), make("span", { class: "star" }, used.assumed_usd ? "*" : ""));
}

const levelOf = (part) => (part >= 1 ? "bad" : part >= NEAR ? "warn" : null);

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
  if (used.share >= 1) return make("span", { class: "bad" }, budget.at_limit === "warn" ? "over" : "used up");
  if (used.runs_out) return make("span", { class: "warn" }, "runs out " + used.runs_out.slice(5));
  return used.share >= NEAR ? make("span", { class: "warn" }, "nearly") : "";
}

function bar(part) {
  const colour = part >= 1 ? "var(--bad)" : part >= NEAR ? "var(--warn)" : "var(--s0)";
  return draw("svg", { class: "used", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width: 100, height: 8, fill: "var(--line)" }), draw("rect", { width: Math.min(100, 100 * part), height: 8, fill: colour }));
}
