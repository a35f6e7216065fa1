// SPDX-License-Identifier: Apache-2.0
// Reads queries, one a line, and prints those that the grammar of TraceQL does not take.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = createRequire(pathToFileURL(join(process.argv[2], "package.json")));
const { parser } = folder("@grafana/lezer-traceql");
for (const query of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  let place = null;
  parser.parse(query).iterate({ enter: (node) => { if (node.type.isError) place ??= node.from; } });
  if (place !== null) console.log(`${query}: wrong at ${place}`);
}
