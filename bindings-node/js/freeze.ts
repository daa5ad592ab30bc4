/** Freezes plain objects and arrays, and what is in them. Others (class instances, Maps, typed arrays) are left as they are. */
export function deepFreeze<T>(value: T): T {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null || Object.isFrozen(next)) continue;
    if (!Array.isArray(next) && !isPlain(next)) continue;
    Object.freeze(next);
    open.push(...Object.values(next));
  }
  return value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
