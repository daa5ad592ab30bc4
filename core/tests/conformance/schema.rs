//! The part of JSON Schema (2020-12) that `schema.json` uses.

use serde_json::{Map, Value};

/// Checks a value; says where it does not follow the schema.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, value, "")
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Some(rules) = schema.as_object() else { return Err(format!("{at}: a schema is an object")) };
        for (rule, argument) in rules {
            let holds = match rule.as_str() {
                "$ref" => self.refer(argument, value, at)?,
                "type" => is_of_type(argument, value),
                "enum" => argument.as_array().is_some_and(|choices| choices.contains(value)),
                "anyOf" => self.any(argument, value, at),
                "minimum" => value.as_i64() >= argument.as_i64(),
                "maximum" => value.as_i64() <= argument.as_i64(),
                "items" | "minItems" | "maxItems" => self.array(rule, argument, value, at)?,
                "properties" | "required" | "additionalProperties" | "minProperties" | "maxProperties" => {
                    self.object(rule, argument, rules, value, at)?
                }
                "$schema" | "$defs" | "title" | "description" => true,
                _ => return Err(format!("the schema uses `{rule}`, which this check does not know")),
            };
            if !holds {
                return Err(format!("{at}: `{rule}` {argument} does not hold"));
            }
        }
        Ok(())
    }

    fn refer(&self, reference: &Value, value: &Value, at: &str) -> Result<bool, String> {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        let schema = pointer.and_then(|pointer| self.root.pointer(pointer));
        self.check(schema.ok_or(format!("no schema at {reference}"))?, value, at).map(|()| true)
    }

    fn any(&self, choices: &Value, value: &Value, at: &str) -> bool {
        choices.as_array().is_some_and(|all| all.iter().any(|schema| self.check(schema, value, at).is_ok()))
    }

    fn array(&self, rule: &str, argument: &Value, value: &Value, at: &str) -> Result<bool, String> {
        let Some(items) = value.as_array() else { return Ok(true) };
        let bound = argument.as_u64().unwrap_or(0);
        match rule {
            "minItems" => return Ok(items.len() as u64 >= bound),
            "maxItems" => return Ok(items.len() as u64 <= bound),
            _ => {}
        }
        for (index, item) in items.iter().enumerate() {
            self.check(argument, item, &format!("{at}/{index}"))?;
        }
        Ok(true)
    }

    fn object(
        &self,
        rule: &str,
        argument: &Value,
        rules: &Map<String, Value>,
        value: &Value,
        at: &str,
    ) -> Result<bool, String> {
        let Some(object) = value.as_object() else { return Ok(true) };
        let bound = argument.as_u64().unwrap_or(0);
        let known = |name: &str| rules.get("properties").and_then(|properties| properties.get(name));
        match rule {
            "minProperties" => return Ok(object.len() as u64 >= bound),
            "maxProperties" => return Ok(object.len() as u64 <= bound),
            "required" => {
                let names = argument.as_array().map(Vec::as_slice).unwrap_or_default();
                return Ok(names.iter().filter_map(Value::as_str).all(|name| object.contains_key(name)));
            }
            _ => {}
        }
        for (name, value) in object {
            let at = format!("{at}/{name}");
            match (rule, known(name)) {
                ("properties", Some(schema)) => self.check(schema, value, &at)?,
                ("additionalProperties", None) if *argument == Value::Bool(false) => {
                    return Err(format!("{at} is not known"));
                }
                ("additionalProperties", None) => self.check(argument, value, &at)?,
                _ => {}
            }
        }
        Ok(true)
    }
}

fn is_of_type(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("null") => value.is_null(),
        _ => false,
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}
