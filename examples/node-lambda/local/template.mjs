// The functions as template.yaml has them, so that nothing is said twice.
import fs from "node:fs";

import { parse } from "yaml";

// Commands run in this folder, as npm has it.
const file = "template.yaml";

/** CloudFormation's functions, as their own names for what they refer to. */
const tag = (name) => ({ tag: `!${name}`, resolve: (text) => `!${name} ${text}` });

export function template() {
  return parse(fs.readFileSync(file, "utf8"), { customTags: ["Ref", "GetAtt", "Sub"].map(tag), strict: true });
}

/** Each function: where its handler is, what it is told, what it answers to, how it is bundled. */
export function functions({ Globals, Resources } = template()) {
  const found = Object.entries(Resources).filter(([, { Type }]) => Type === "AWS::Serverless::Function");
  return found.map(([name, { Properties, Metadata }]) => ({
    name: name.toLowerCase(),
    handler: Properties.Handler,
    variables: { ...Globals.Function.Environment.Variables, ...Properties.Environment?.Variables },
    routes: Object.values(Properties.Events).map(({ Properties: { Method, Path } }) => `${Method} ${Path}`),
    actions: Properties.Policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)),
    bundle: Metadata.BuildProperties,
  }));
}
