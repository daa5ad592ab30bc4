/** Opens the stream that the options name, and makes the core for it. */

import type { Binding, Core, Setting } from "./binding";
import { SnowmeltError, translated } from "./errors";
import { KinesisLink, type Link, MemoryLink, Tickets } from "./link";
import type { AnyOptions } from "./options";
import { plain } from "./plain";
import { type Transport, TransportLink } from "./transport";

export interface Opened {
  core: Core;
  link: Link | undefined;
}

let tickets: Tickets | undefined;

export function openLink(binding: Binding, options: AnyOptions, settings: Setting[]): Opened {
  return translated(() => open(binding, options, settings));
}

function open(binding: Binding, options: AnyOptions, settings: Setting[]): Opened {
  const spec = binding.parseStream(plain(options.stream));
  if (spec.kind === "none") return { core: binding.createCore(settings, null), link: undefined };
  if (options.transport !== undefined) return overTransport(binding, options.transport, options, settings);
  if (spec.kind === "memory") {
    const stream = binding.openMemory(spec.name);
    return { core: binding.createCore(settings, stream.name), link: new MemoryLink(stream) };
  }
  return overKinesis(binding, spec.name, options, settings);
}

function overTransport(binding: Binding, transport: Transport, options: AnyOptions, settings: Setting[]): Opened {
  const { stream } = options;
  const region = options.region ?? transport.region;
  const endpoint = options.endpoint ?? transport.endpoint;
  const place = { stream: stream as string, ...(region === undefined ? {} : { region }), ...(endpoint === undefined ? {} : { endpoint }) };
  const core = binding.createCore(settings, place);
  return { core, link: new TransportLink(place.stream, transport, core.limits().callTimeout) };
}

function overKinesis(binding: Binding, name: string, options: AnyOptions, settings: Setting[]): Opened {
  if (binding.openKinesis === undefined || binding.openInbox === undefined) {
    throw new SnowmeltError(
      "INVALID_OPTION",
      `option \`transport\` is missing: this build has no Kinesis client of its own; give { transport: kinesisTransport({ … }) } from "snowmelt/wasm", or functions of your own`,
      { option: "transport" },
    );
  }
  const core = binding.createCore(settings, { stream: name });
  tickets ??= new Tickets(binding.openInbox);
  const stream = binding.openKinesis(name, options.region, options.endpoint, core.limits().callTimeout, tickets.inbox);
  return { core, link: new KinesisLink(stream, tickets) };
}
