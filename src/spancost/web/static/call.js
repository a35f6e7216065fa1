// SPDX-License-Identifier: Apache-2.0
import { aligned, count, dollars, duration, make, table, time } from "./format.js";
import { figures } from "./overview.js";

const PER = { 1: "1", 1000: "1,000", 1000000: "1 M", 3600: "hour" };

export function call(data, place) {
  const rate = data.rate, name = [data.facts.operation, data.facts.model].filter(Boolean).join(" ");
  const parts = [
    make("h1", {}, name),
    figures([["cost", dollars(data.cost_usd)], ["status", data.status], ["list price", dollars(data.list_cost_usd)],
      ["duration", duration(data.duration_ns)], ["began", time(data.started_at)]]),
  ];
  if (data.reason) parts.push(make("p", { class: "warn" }, data.reason + ": " + data.meaning + " " + data.remedy));
  const items = [{ title: "meter" }, { title: "quantity", number: true }, { title: "price", number: true }, { title: "per" }, { title: "cost", number: true }];
  const costs = aligned(data.items.map((item) => item.cost_usd)), prices = aligned(data.items.map((item) => item.price));
  parts.push(make("h2", {}, "Line items"), table(data.is_recomputed
    ? "Recomputed with the rates that priced the call; they add up to its cost. In USD."
    : "Recomputed without facts that the record does not hold (a region, a contract): the cost on the span differs. In USD.",
    items, data.items.map((item, at) => [item.meter, count(item.quantity), prices[at], PER[item.per] ?? count(item.per), costs[at]])));
  parts.push(make("h2", {}, "Rate"), facts({ rate: rate.rate_id, "rate card": rate.pricing_version,
    checked: [rate.basis, rate.checked === "unknown" ? null : rate.checked].filter(Boolean).join(", "), source: rate.source }));
  if (data.elsewhere.length) parts.push(make("h2", {}, "The same model elsewhere"), table("The same meters at list price.",
    [{ title: "provider" }, { title: "cost", usd: true }, { title: "model" }],
    data.elsewhere.map((each) => [each.provider, each.cost_usd, each.model])));
  parts.push(make("h2", {}, "Usage"), facts(Object.fromEntries(Object.entries(data.usage).map(([meter, value]) => [meter, count(value)]))));
  parts.push(make("h2", {}, "Facts"), facts({ ...data.facts, trace: data.trace_id, span: data.span_id }));
  if (!place.isFile) parts.push(make("p", {}, make("a", { href: place.trace(data.trace_id, data.span_id) }, "Back to the trace")));
  return [make("div", { class: "call" }, parts.filter(Boolean))];
}

function facts(pairs) {
  const rows = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl", { class: "facts" }, rows.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
