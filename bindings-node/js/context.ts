/** Which load an asynchronous call belongs to. */

import type { Waiter } from "./loads";

interface Storage {
  getStore(): Waiter | undefined;
  run<R>(store: Waiter, callback: () => R): R;
}

/**
 * Without `AsyncLocalStorage` (browsers) only what a loader asks for before
 * its first `await` is known to be the loader's.
 */
class SynchronousStorage implements Storage {
  #current: Waiter | undefined;

  getStore(): Waiter | undefined {
    return this.#current;
  }

  run<R>(store: Waiter, callback: () => R): R {
    const before = this.#current;
    this.#current = store;
    try {
      return callback();
    } finally {
      this.#current = before;
    }
  }
}

type AsyncHooks = { AsyncLocalStorage?: new () => Storage };

/** Node's own, or a worker's with Node's compatibility; asked for at run time, so that bundlers for browsers see no such import. */
function asyncHooks(): AsyncHooks | undefined {
  const host = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown }; AsyncLocalStorage?: new () => Storage };
  if (host.AsyncLocalStorage !== undefined) return host as AsyncHooks;
  return host.process?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
}

let storage: Storage | undefined;

/** For builds that can import it: Node before 20.16 has no `getBuiltinModule`. */
export function useAsyncHooks(hooks: AsyncHooks): void {
  if (hooks.AsyncLocalStorage !== undefined) storage ??= new hooks.AsyncLocalStorage();
}

function shared(): Storage {
  if (storage === undefined) {
    const hooks = asyncHooks();
    storage = hooks?.AsyncLocalStorage === undefined ? new SynchronousStorage() : new hooks.AsyncLocalStorage();
  }
  return storage;
}

/** The load whose loader is running, if one is. */
export function currentLoad(): Waiter | undefined {
  return storage?.getStore();
}

/** Runs a part of a load. */
export function runAs<R>(load: Waiter, callback: () => R): R {
  return shared().run(load, callback);
}
