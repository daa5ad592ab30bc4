/** The part of JSON Schema (2020-12) that `schema.json` uses. */

/** Checks a value; throws an error that says where it does not follow the schema. */
export function check(schema, value) {
  checkAt(schema, schema, value, "");
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const types = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === "boolean",
  object: isObject,
  array: Array.isArray,
  null: (value) => value === null,
};

/** Rules that hold or do not. The last argument is the schema they stand in. */
const rules = {
  type: (argument, value) => [argument].flat().some((name) => types[name]?.(value) ?? false),
  enum: (argument, value) => argument.includes(value),
  minimum: (argument, value) => typeof value !== "number" || value >= argument,
  maximum: (argument, value) => typeof value !== "number" || value <= argument,
  minItems: (argument, value) => !Array.isArray(value) || value.length >= argument,
  maxItems: (argument, value) => !Array.isArray(value) || value.length <= argument,
  minProperties: (argument, value) => !isObject(value) || Object.keys(value).length >= argument,
  maxProperties: (argument, value) => !isObject(value) || Object.keys(value).length <= argument,
  required: (argument, value) => !isObject(value) || argument.every((name) => Object.hasOwn(value, name)),
};

/** Rules that look into the value or at another schema, and throw. */
const nested = {
  $ref: (root, argument, value, at) => checkAt(root, resolve(root, argument), value, at),
  anyOf: (root, argument, value, at) => {
    const holds = (schema) => {
      try {
        checkAt(root, schema, value, at);
        return true;
      } catch {
        return false;
      }
    };
    if (!argument.some(holds)) throw new Error(`${at}: none of the choices holds for ${JSON.stringify(value)}`);
  },
  items: (root, argument, value, at) => {
    if (!Array.isArray(value)) return;
    value.forEach((item, index) => checkAt(root, argument, item, `${at}/${index}`));
  },
  properties: (root, argument, value, at) => {
    if (!isObject(value)) return;
    for (const [name, item] of Object.entries(value)) {
      if (Object.hasOwn(argument, name)) checkAt(root, argument[name], item, `${at}/${name}`);
    }
  },
  additionalProperties: (root, argument, value, at, schema) => {
    if (!isObject(value)) return;
    for (const [name, item] of Object.entries(value)) {
      if (Object.hasOwn(schema.properties ?? {}, name)) continue;
      if (argument === false) throw new Error(`${at}/${name} is not known`);
      checkAt(root, argument, item, `${at}/${name}`);
    }
  },
};

const silent = new Set(["$schema", "$defs", "title", "description"]);

function checkAt(root, schema, value, at) {
  if (!isObject(schema)) throw new Error(`${at}: a schema is an object`);
  for (const [rule, argument] of Object.entries(schema)) {
    if (silent.has(rule)) continue;
    if (Object.hasOwn(nested, rule)) {
      nested[rule](root, argument, value, at, schema);
    } else if (!Object.hasOwn(rules, rule)) {
      throw new Error(`the schema uses \`${rule}\`, which this check does not know`);
    } else if (!rules[rule](argument, value)) {
      throw new Error(`${at}: \`${rule}\` ${JSON.stringify(argument)} does not hold`);
    }
  }
}

function resolve(root, reference) {
  const path = reference.startsWith("#/") ? reference.slice(2).split("/") : [];
  const schema = path.reduce((from, name) => from?.[name], root);
  if (path.length === 0 || schema === undefined) throw new Error(`no schema at ${reference}`);
  return schema;
}
