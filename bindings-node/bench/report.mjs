// One Markdown table, and what has to be said with it.
import os from "node:os";

/** The middle one. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** A table: rows are printed as they come, and what missed its target is remembered. */
export class Report {
  #missed = [];
  #notes = [];

  head() {
    console.log(`Measured on ${new Date().toISOString().slice(0, 10)} on ${machine()}, Node ${process.versions.node}.\n`);
    console.log("| what | unit | snowmelt | peer | | ratio | target | |");
    console.log("|---|---|---:|---:|---|---:|---:|---|");
  }

  /**
   * A row. `ours` and `theirs` have one value per round; a round's values were
   * measured right after each other, so the ratio is the median of the ratios
   * within each round: what disturbs a round disturbs both.
   */
  row(what, { unit, ours, peer, theirs, ratio, target, digits = 0 }) {
    const measured = ratio ?? median(ours.map((value, round) => value / theirs[round]));
    const met = target === undefined ? "" : measured <= target ? "ok" : "missed";
    if (met === "missed") this.#missed.push(`${what}: ${measured.toFixed(2)} × ${peer}, and the target is ${target}`);
    const number = (values) => (values ? median(values).toFixed(digits) : "–");
    const bound = target === undefined ? "–" : `≤ ${target}`;
    console.log(`| ${what} | ${unit} | ${number(ours)} | ${number(theirs)} | ${peer} | ${measured.toFixed(2)} | ${bound} | ${met} |`);
    return measured;
  }

  /** Said below the table. */
  note(text) {
    this.#notes.push(text);
  }

  /** Prints the end; whether all targets were met. */
  end() {
    if (this.#notes.length > 0) console.log(`\n${this.#notes.join("\n")}`);
    console.log(this.#missed.length === 0 ? "\nAll targets are met." : `\nMissed:\n${this.#missed.map((line) => `- ${line}`).join("\n")}`);
    return this.#missed.length === 0;
  }
}

function machine() {
  const cpus = os.cpus();
  return `${cpus.length} cores of ${cpus[0]?.model ?? "an unknown processor"}, memory: ${Math.ceil(os.totalmem() / 2 ** 30)} GiB`;
}
