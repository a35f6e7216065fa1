// SPDX-License-Identifier: Apache-2.0
import { budgets } from "./budgets.js";
import { chart } from "./chart.js";
import { count, dollars, make, share, table, time } from "./format.js";

const TITLES = { feature: "By feature", model: "By model", environment: "By environment", workspace_id: "By tenant" };
const NONE = "(none)";

// *later* gives the data of the parts that need not be there at once, as promises: works (traces, outcomes), budgets, anomalies.
export function overview(data, place, later) {
  if (!data.calls) return [make("h1", {}, "Spend"), filters(place), make("p", {}, place.where.length || place.since
    ? "No call passes these filters." : "No model call yet.")];
  const totals = data.totals, known = data.coverage;
  const parts = [
    make("h1", {}, "Spend"),
    figures([
      ["spend", dollars(totals.cost_usd)], ["calls", count(totals.calls)],
      ["input tokens", count(totals.input)], ["from the cache", share(totals.cached, totals.input)],
      ["output tokens", count(totals.output)], ["unpriced", share(known.unpriced, known.calls) || "0 %"],
      ["estimated or partial", share(known.estimated + known.partial, known.calls) || "0 %"],
      ["without a feature", share(known.untagged, known.calls) || "0 %"],
    ]),
    filters(place),
    make("h2", {}, "Spend by " + data.chart.unit + " (" + time(data.first) + " to " + time(data.last) + ")"),
    chart(data.chart, (one) => (one.is_rest ? "other" : one.key ?? NONE), (at) =>
      place.link({ since: data.chart.starts[at], until: data.chart.starts[at + 1] })),
  ];
  if (!place.isFile) parts[2].prepend(...stack(data, place));
  parts.push(part("Budgets", later.budgets, (found) => budgets(found, place)));
  const grid = make("div", { class: "tables" });
  for (const [column, rows] of Object.entries(data.tables)) grid.append(make("section", {}, make("h2", {}, TITLES[column]), spend(column, rows, totals, place)));
  grid.append(part("Cost per success", later.works, (found) => [outcomes(found.outcomes)]));
  grid.append(make("section", {}, make("h2", {}, "Calls without a price"), unpriced(data.unpriced)));
  parts.push(grid, part("Most expensive traces", later.works, (found) => [traces(found.traces, place)]));
  parts.push(part("Anomalies", later.anomalies, (found) => [anomaliesOf(found, place)]));
  return parts;
}

const heights = {};

// A part whose data may come later. Until then it is as high as it was before, so that nothing below it moves.
function part(title, answer, show) {
  const body = make("div", { "data-waits": title }, make("p", { class: "quiet" }, "…"));
  if (heights[title]) body.style.minHeight = heights[title] + "px";
  Promise.resolve(answer).then(show, (error) => [make("p", { class: "error" }, error.message)]).then((shown) => {
    body.replaceChildren(...shown.filter(Boolean));
    body.removeAttribute("data-waits");
    body.style.minHeight = "";
    requestAnimationFrame(() => { heights[title] = body.offsetHeight; });
  });
  return make("section", {}, make("h2", {}, title), body);
}

export const figures = (pairs) => make("dl", { class: "figures" }, pairs.map(([name, value]) =>
  make("div", {}, make("dt", {}, name), make("dd", {}, value))));

function filters(place) {
  if (place.isFile && !place.since && !place.where.length) return null;
  const line = make("div", { class: "filters", role: "group", "aria-label": "Filters" });
  if (place.since) line.append(make("a", { href: place.link({ since: null, until: null }) },
    time(place.since) + " to " + time(place.until) + " ✕"));
  place.where.forEach((each) => line.append(make("a", { href: place.link({ without: each }) }, each.replace(/=$/, "=" + NONE) + " ✕")));
  return line;
}

function stack(data, place) {
  const select = make("select", { id: "by" }, data.columns.map((column) =>
    make("option", { value: column, selected: column === data.chart.by }, column)));
  select.addEventListener("change", () => place.go(place.link({ by: select.value })));
  return [make("label", { for: "by" }, "Stack the chart by"), select];
}

function spend(column, rows, totals, place) {
  const columns = [{ title: column }, { title: "cost", usd: true }, { title: "share", number: true },
    { title: "calls", number: true }, { title: "unpriced", number: true }];
  return table("", columns, rows.map((row) => [
    link(place, place.link({ where: column + "=" + (row.key ?? "") }), row.key ?? NONE),
    row.cost_usd, portion(row.cost_usd, totals.cost_usd), count(row.calls), row.unpriced ? count(row.unpriced) : "",
  ]));
}

function portion(part, whole) {
  const percent = Number(whole) ? (100 * Number(part)) / Number(whole) : 0;
  return make("span", {}, percent.toFixed(1) + " %");
}

const link = (place, href, text) => (place.isFile ? make("span", {}, text) : make("a", { href }, text));

function traces(rows, place) {
  const columns = [{ title: "trace" }, { title: "began", extra: true }, { title: "cost", usd: true },
    { title: "calls", number: true, extra: true }, { title: "outcome", extra: true }, { title: "why", text: true }];
  return table("", columns, rows.map((row) => [
    link(place, place.trace(row.trace_id), row.name || row.trace_id.slice(0, 16)), time(row.started_at),
    row.cost_usd, count(row.calls), row.outcome ?? "", row.why,
  ]));
}

function outcomes(rows) {
  if (!rows.length) return make("p", { class: "quiet" }, "No trace has an outcome: set app.outcome on its root span.");
  const columns = [{ title: "feature" }, { title: "cost", usd: true, extra: true }, { title: "successes", number: true },
    { title: "of traces", number: true, extra: true }, { title: "per success", usd: true }];
  return table("", columns, rows.map((row) => [row.feature ?? NONE, row.cost_usd, count(row.successes),
    count(row.outcomes), row.cost_per_success_usd]));
}

function anomaliesOf(found, place) {
  if (found.is_skipped) return make("p", { class: "quiet" }, count(found.calls) + " calls are too many to look at here: spancost anomalies does.");
  if (!found.anomalies.length) return make("p", { class: "quiet" }, "None in " + count(found.calls) + " calls.");
  const columns = [{ title: "rule" }, { title: "began", extra: true }, { title: "cost", usd: true }, { title: "what", text: true }];
  return table("", columns, found.anomalies.map((each) => [
    each.trace_id ? link(place, place.trace(each.trace_id), each.rule) : each.rule, time(each.first), each.cost_usd, each.text]));
}

function unpriced(rows) {
  if (!rows.length) return make("p", { class: "quiet" }, "Every call has a price.");
  const columns = [{ title: "model" }, { title: "calls", number: true }, { title: "reason", extra: true },
    { title: "what helps", text: true }];
  return table("", columns, rows.map((row) => [row.model ?? NONE, count(row.calls), row.reason ?? "", row.remedy || row.meaning]));
}
