// SPDX-License-Identifier: Apache-2.0
// Spend over time as stacked bars in plain SVG. Each bar is a link to its hour or day.
import { count, dollars, draw, make } from "./format.js";

const HEIGHT = 260, LEFT = 52, BOTTOM = 30, TOP = 10;
export const colour = (index) => "var(--s" + Math.min(index, 8) + ")";

export function chart(data, nameOf, linkOf) {
  // As wide as the page, so that letters keep their shape.
  const WIDTH = Math.max(300, document.getElementById("main").clientWidth - 44);
  const sums = data.labels.map((_, at) => data.series.reduce((sum, one) => sum + Number(one.costs[at]), 0));
  const most = Math.max(...sums, 1e-12), top = ceiling(most), step = (WIDTH - LEFT) / data.labels.length;
  const height = HEIGHT - BOTTOM - TOP, y = (value) => TOP + height * (1 - value / top);
  const svg = draw("svg", { viewBox: "0 0 " + WIDTH + " " + HEIGHT, preserveAspectRatio: "none", role: "group",
    "aria-label": "Spend by " + data.unit + ", stacked by " + data.by });
  for (let line = 0; line <= 4; line++) {
    const value = (top * line) / 4;
    svg.append(draw("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), stroke: "var(--line)" }));
    svg.append(draw("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, axis(value)));
  }
  const every = Math.max(1, Math.ceil((data.labels.length * 60) / (WIDTH - LEFT)));
  data.labels.forEach((label, at) => {
    const x = LEFT + at * step, said = label + ": " + dollars(String(sums[at])) + ", " + count(data.calls[at]) + " calls";
    const link = draw("a", { href: linkOf(at), "aria-label": said }, draw("title", {}, said));
    let below = 0;
    data.series.forEach((one, index) => {
      const value = Number(one.costs[at]);
      if (!value) return;
      link.append(draw("rect", { x: x + step * 0.1, width: Math.max(step * 0.8, 0.5), y: y(below + value),
        height: Math.max(y(below) - y(below + value), 0.5), fill: colour(one.is_rest ? 8 : index) }));
      below += value;
    });
    link.append(draw("rect", { class: "hit", x, width: step, y: TOP, height }));
    svg.append(link);
    if (at % every === 0) svg.append(draw("text", { x: x + step / 2, y: HEIGHT - 10, "text-anchor": "middle" }, short(label)));
  });
  const legend = make("ul", { class: "legend" }, data.series.map((one, index) =>
    make("li", {}, draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
      draw("rect", { width: 12, height: 12, fill: colour(one.is_rest ? 8 : index) })), nameOf(one))));
  return make("div", { class: "chart" }, svg, legend);
}

const short = (label) => (label.length > 10 ? label.slice(5) : label.slice(5) || label);

const axis = (value) => "$" + (value >= 100 ? count(value) : String(Number(value.toPrecision(2))));

function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 4.8, 6, 8, 10].map((each) => each * power).find((each) => each >= value);
}
