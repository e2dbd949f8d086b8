// Prints what the official parser has to say about an AsyncAPI document, as JSON.
"use strict";

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");

const load = createRequire(path.join(__dirname, "..", "..", "local", "package.json"));
const { Parser } = load("@asyncapi/parser");

// Generators of code read version 3.0.0 and no newer one.
const NEWER = "asyncapi-latest-version";

new Parser().parse(readFileSync(process.argv[2], "utf8")).then(({ document, diagnostics }) => {
  const problems = diagnostics.filter(({ code }) => code !== NEWER).map(({ message, path }) => `${path.join("/")}: ${message}`);
  const operations = document ? document.operations().all().map((one) => one.id()) : null;
  process.stdout.write(JSON.stringify({ problems, operations }));
});
