/** Where reports go. */

interface Output {
  write(text: string): unknown;
}

/**
 * Prints a line: by itself on the standard output, where CloudWatch expects
 * embedded metrics. Whatever that throws is no reason to fail an invocation.
 */
export function printLine(to: ((line: string) => void) | undefined, line: string): void {
  const { process } = globalThis as { process?: { stdout?: Output } };
  try {
    if (to !== undefined) to(line);
    else if (process?.stdout !== undefined) process.stdout.write(`${line}\n`);
    else console.log(line);
  } catch {
    // Nobody is left to tell.
  }
}
