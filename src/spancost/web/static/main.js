// SPDX-License-Identifier: Apache-2.0
// Finds the page that the address names, asks for its data, and shows it. All filters are in the address.
import { make } from "./format.js";
import { call } from "./call.js";
import { overview } from "./overview.js";
import { trace } from "./trace.js";

const main = document.getElementById("main"), state = document.getElementById("state"), crumbs = document.getElementById("crumbs");
const token = new URLSearchParams(location.search).get("token");
const WAIT_MS = 250;
// A search for anomalies takes up to some seconds: it begins when nobody has left the page for this long.
const STAY_MS = 400;
const held = {};
let version = null, asked = 0, isFirst = true;

class Place {
  constructor(search, path) {
    const given = new URLSearchParams(search);
    this.path = path;
    this.isFile = false;
    this.by = given.get("by") || "feature";
    this.since = given.get("since");
    this.until = given.get("until");
    this.where = given.getAll("where");
    this.id = given.get("id") || given.get("trace");
    this.span = given.get("span");
  }

  parameters(change = {}) {
    const found = new URLSearchParams();
    const since = "since" in change ? change.since : this.since, until = "until" in change ? change.until : this.until;
    let where = this.where.filter((each) => each !== change.without);
    if (change.where) where = [...where.filter((each) => each.split("=")[0] !== change.where.split("=")[0]), change.where];
    found.set("by", change.by || this.by);
    if (since) found.set("since", since);
    if (until) found.set("until", until);
    where.forEach((each) => found.append("where", each));
    return found;
  }

  link(change) { return "/?" + this.parameters(change) + "&token=" + token; }
  trace(id, span) { return "/trace?" + this.parameters() + "&id=" + id + (span ? "&span=" + span : "") + "&token=" + token; }
  call(id, span) { return "/call?" + this.parameters() + "&trace=" + id + "&span=" + span + "&token=" + token; }
  go(address) { history.pushState(null, "", address); show(); }
}

async function ask(name, parameters) {
  const answer = await fetch("/api/" + name + "?" + parameters, { headers: { "x-token": token } });
  const data = await answer.json().catch(() => ({ error: "The server answered " + answer.status }));
  if (data.error) throw new Error(data.error);
  return data;
}

async function show(isFresh = true) {
  const place = new Place(location.search, location.pathname), mine = ++asked;
  state.textContent = isFresh ? "Loading …" : state.textContent;
  try {
    const parts = await parts_of(place);
    if (mine !== asked) return;
    main.replaceChildren(...parts.filter(Boolean));
    if (mine === 1) requestAnimationFrame(() => setTimeout(() => performance.mark("shown")));
    document.title = main.querySelector("h1").textContent + " · spancost";
    if (isFresh) main.focus({ preventScroll: true });
    if (isFresh) scrollTo(0, 0);
    state.textContent = version?.live ? "Live: services send to " + version.live : "";
  } catch (error) {
    if (mine === asked) main.replaceChildren(make("h1", {}, "No answer"), make("p", { class: "error", role: "alert" }, error.message));
    state.textContent = "";
  }
  crumbs.replaceChildren(...trail(place));
}

async function parts_of(place) {
  const parameters = place.parameters();
  if (place.path === "/trace") return trace(await ask("trace", new URLSearchParams({ id: place.id })), place);
  if (place.path === "/call") return call(await ask("call", new URLSearchParams({ trace: place.id, span: place.span })), place);
  const data = await ask("overview", parameters);
  const range = selected(place, []), whole = selected(place, place.where);
  const later = { works: kept("works", whole), budgets: kept("budgets", range) };
  const mine = asked;
  later.anomalies = later.works.catch(() => null).then(() => pause(STAY_MS))
    .then(() => (mine === asked ? kept("anomalies", whole) : new Promise(() => {})));
  if (isFirst) await Promise.race([later.budgets.catch(() => null), pause(WAIT_MS)]);
  isFirst = false;
  return overview(data, place, later);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function selected(place, where) {
  const found = new URLSearchParams(Object.entries({ since: place.since, until: place.until }).filter(([, value]) => value));
  where.forEach((each) => found.append("where", each));
  return found;
}

// The last answer to a question stays until its parameters change or calls arrive.
function kept(name, parameters) {
  const key = parameters + "/" + version?.version;
  if (held[name]?.key !== key) held[name] = { key, answer: ask(name, parameters) };
  return held[name].answer;
}

function trail(place) {
  if (place.path === "/") return [];
  const links = [make("a", { href: place.link({}) }, "Spend")];
  if (place.path === "/call") links.push(" / ", make("a", { href: place.trace(place.id, place.span) }, "trace " + place.id.slice(0, 8)), " / call");
  else links.push(" / trace " + place.id.slice(0, 8));
  return links;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  const address = new URL(link.href?.baseVal ?? link.href, location.href);
  if (address.origin !== location.origin) return;
  event.preventDefault();
  history.pushState(null, "", address);
  show();
});
addEventListener("popstate", () => show());
document.getElementById("home").setAttribute("href", "/?token=" + token);

async function poll() {
  try {
    const found = await ask("version", new URLSearchParams());
    const isNew = version && found.version !== version.version;
    version = found;
    if (isNew) await show(false);
    if (found.live) setTimeout(poll, 2000);
  } catch { setTimeout(poll, 5000); }
}

await poll();
await show();
