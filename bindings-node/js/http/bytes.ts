/** Bytes, wherever this runs: not every host has `Buffer`. */

/** Pieces that are collected up to a limit. */
export class Pieces {
  readonly parts: Uint8Array[] = [];
  length = 0;

  add(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.length;
  }

  /** All of them as one, in memory of its own. */
  whole(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** As text, if it is UTF-8. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The part of Node's `Buffer` that is used where there is one, because it is faster. */
interface Buffers {
  from(text: string, encoding: string): Uint8Array;
  from(memory: ArrayBufferLike, offset: number, length: number): { toString(encoding: string): string };
}

const buffers = () => (globalThis as unknown as { Buffer?: Buffers }).Buffer;

export function toBase64(bytes: Uint8Array): string {
  const Buffer = buffers();
  if (Buffer !== undefined) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** As Lambda's events have it. */
export function fromBase64(text: string): Uint8Array {
  const Buffer = buffers();
  if (Buffer !== undefined) return new Uint8Array(Buffer.from(text, "base64"));
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The policy's reasons for bodies that are not collected. */
export const TOO_LARGE = "body-too-large";
export const ENDLESS = "endless";
