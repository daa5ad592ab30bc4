/** Replays one transcript. */
import { codecSteps } from "./codecs.mjs";
import { MONOTONIC_START, START, monotonic, only, wall } from "./data.mjs";
import { followingSteps } from "./following.mjs";
import { CLOSED, loadingSteps } from "./loading.mjs";
import { expect, stats, told } from "./observed.mjs";
import { settings, stream } from "./options.mjs";
import { Values } from "./values.mjs";
import { writingSteps } from "./writing.mjs";

/** Replays a transcript; throws an error that says which step went otherwise, and how. */
export function replay(binding, transcript, seed, segments) {
  const replay = new Replay(binding, transcript.config ?? {}, seed, segments);
  transcript.steps.forEach((step, at) => replay.take(step, at + 1));
  replay.close();
}

const isText = (text) => typeof text === "string" && text !== "";

/** What each kind of step does, from the replay and the step's argument. */
export const steps = {
  note: (_, text) => {
    if (!isText(text)) throw new Error("a note that says nothing");
  },
  at: ({ core }, at) => {
    const clocks = typeof at === "number" ? { mono: at, wall: at } : at;
    core.setClock(monotonic(clocks.mono), wall(clocks.wall));
  },
  invocation: ({ core, invocations }, edge) => {
    if (edge === "begin") {
      invocations.push(core.beginInvocation());
    } else if (invocations.length > 0) {
      core.endInvocation(invocations.pop(), "off", "");
    } else {
      throw new Error("no invocation to end");
    }
  },
  // The core draws a seed of its own: a transcript holds for every one.
  restored: ({ core }) => core.restored(),
  stats: ({ core }, expected) => {
    const observed = stats(core.stats());
    for (const [counter, value] of Object.entries(expected)) {
      if (!Object.hasOwn(observed, counter)) throw new Error(`no counter is called \`${counter}\``);
      expect({ [counter]: value }, { [counter]: observed[counter] });
    }
  },
  ...loadingSteps,
  ...followingSteps,
  ...writingSteps,
  ...codecSteps,
};

/** A core and what the transcript has numbered so far, from 1. */
class Replay {
  leases = [];
  invocations = [];
  arrivals = [];
  writes = [];
  /** `{id, operation, shard}` */
  calls = [];
  catchUps = [];
  values = new Values();
  /** Which shard each iterator reads: the API's `GetRecords` does not say. */
  iterators = new Map();

  constructor(binding, config, seed, segments) {
    this.binding = binding;
    this.stream = stream(config);
    const split = segments === undefined ? [] : [["segments", segments]];
    this.core = binding.createCore([...settings(config), ...split], this.stream, seed, [MONOTONIC_START, START]);
    this.hot = this.core.hotFunctions();
    this.core.setClock(MONOTONIC_START, START);
    if (this.core.now() !== START) throw new Error("the core saw other clocks before the transcript's");
  }

  /** One step, and what has to hold after each. */
  take(step, number) {
    try {
      const [kind, argument] = only(step);
      if (!Object.hasOwn(steps, kind)) throw new Error(`no step is called \`${kind}\``);
      steps[kind](this, argument);
      this.core.validate();
      this.release();
      const [entries] = this.core.size();
      if (this.values.size !== entries) throw new Error(`${this.values.size} values are held for ${entries} entries`);
    } catch (error) {
      throw new Error(`step ${number}: ${told(step)}: ${error.message ?? error}`, { cause: error });
    }
  }

  /** Lets go what the core no longer uses; how many that were. */
  release() {
    const freed = this.core.takeFreed() ?? [];
    freed.forEach((slot) => this.values.free(slot));
    return freed.length;
  }

  /** Every slot is given back in the end. A closed core tells nothing more, so it is emptied first. */
  close() {
    this.core.clear();
    this.release();
    if (this.values.size > 0) throw new Error(`an emptied core keeps ${this.values.size} values`);
    this.core.close();
    expect(CLOSED, this.hotGet("k"));
  }

  /** What the hot path says of a key. */
  hotGet(key) {
    this.hot.get(key);
    return this.hot.shared[0];
  }
}
