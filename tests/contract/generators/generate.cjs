// Prints the names of the models that generators make of an AsyncAPI document, by language, as JSON.
//
// Modelina makes TypeScript, Kotlin and Dart. It has no Swift: quicktype makes that, of the schemas.
"use strict";

const { readFileSync } = require("node:fs");
const { DartGenerator, KotlinGenerator, TypeScriptGenerator } = require("@asyncapi/modelina");
const { FetchingJSONSchemaStore, InputData, JSONSchemaInput, quicktype } = require("quicktype-core");

const MODELINA = { TypeScript: TypeScriptGenerator, Kotlin: KotlinGenerator, Dart: DartGenerator };

/** Only what has a text of its own: Kotlin and Dart have no type for a text or a union. */
async function byModelina(Generator, document) {
  const models = await new Generator().generate(document);
  return models.filter(({ modelName }) => modelName).map(({ modelName, result }) => ({ name: modelName, code: result }));
}

async function bySwift({ components }) {
  const definitions = JSON.parse(JSON.stringify(components.schemas).replaceAll("#/components/schemas/", "#/definitions/"));
  const properties = Object.fromEntries(Object.keys(definitions).map((name) => [name, { $ref: `#/definitions/${name}` }]));
  const input = new JSONSchemaInput(new FetchingJSONSchemaStore());
  await input.addSource({ name: "Everything", schema: JSON.stringify({ type: "object", properties, definitions }) });
  const inputData = new InputData();
  inputData.addInput(input);
  const { lines } = await quicktype({ inputData, lang: "swift", rendererOptions: { "just-types": "true" } });
  return lines.flatMap((line) => {
    const found = /^(?:struct|enum|class) (\w+)/.exec(line);
    return found ? [{ name: found[1], code: line }] : [];
  });
}

async function main() {
  const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const made = { Swift: await bySwift(document) };
  for (const [language, Generator] of Object.entries(MODELINA)) made[language] = await byModelina(Generator, document);
  process.stdout.write(JSON.stringify(made));
}

main();
