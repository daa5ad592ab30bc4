/** A configuration as the transcripts write it. */

const duration = (value) => isInteger(value) && `${value}ms`;
const number = (value) => isInteger(value) && value;
const share = (value) => typeof value === "number" && value;
const text = (value) => typeof value === "string" && value;
const oneOf = (...choices) => (value) => choices.includes(value) && value;
const orNone = (read) => (value) => value === null ? null : read(value);

const isInteger = (value) => Number.isSafeInteger(value) && value >= 0;

/** How each option is read; what cannot be read is false. */
const options = {
  ttl_min: duration,
  ttl_max: duration,
  catch_up_every: duration,
  max_lag: duration,
  margin: duration,
  settle: duration,
  retention: duration,
  catch_up_budget: duration,
  call_timeout: duration,
  load_timeout: duration,
  soft_load_timeout: duration,
  stale_while_revalidate: duration,
  stale_if_error: duration,
  refresh_ahead: share,
  negative_ttl: duration,
  max_entries: number,
  max_weight: number,
  max_leases: number,
  max_fences: number,
  segments: number,
  lanes: orNone(number),
  namespace: text,
  on_undecodable: oneOf("skip", "flush"),
  record_format: oneOf("snowmelt", "scache"),
  keys_as_tags: (value) => value === true,
  source: (value) => typeof value === "object" && value !== null && value,
  give_up_records: number,
  give_up_bytes: number,
  page_records: number,
};

/** The core's settings. Durations are written out: a bare number could be meant as seconds. */
export function settings(config) {
  const { stream: _, ...rest } = config;
  return Object.entries(rest).map(([option, value]) => {
    if (!Object.hasOwn(options, option)) throw new Error(`no option is called \`${option}\``);
    return [option, read(option, options[option], value)];
  });
}

/** The name of the stream; none is followed unless the transcript names one. */
export const stream = (config) => read("stream", orNone(text), config.stream ?? null);

function read(option, how, value) {
  const setting = how(value);
  if (setting === false) throw new Error(`\`${option}\` cannot be ${JSON.stringify(value)}`);
  return setting;
}
