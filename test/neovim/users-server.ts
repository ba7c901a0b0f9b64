import { createServer, defineService, memory, method, notify, RpcError, type Server } from '@org/rpc';

/** What programs in other languages call in these tests. */
export const Users = defineService('users', {
  get: method<(id: number) => string>(),
  echo: method<(value: unknown) => unknown>(),
  seen: notify<(what: string) => void>(),
  /** What `seen` was told so far. */
  all: method<() => string[]>(),
  /** Answered by the next `release`. */
  held: method<() => Promise<string>>(),
  release: method<() => string>(),
});

/** A server of {@link Users} that is not yet listening. */
export function usersServer(): Server {
  const seen: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  return createServer({ registry: memory(), defaultService: 'users' }).add(Users, {
    get(id) {
      if (id === 0) throw new RpcError('NOT_FOUND', 'no such user');
      return `user ${id}`;
    },
    echo: (value) => value,
    seen(what) {
      seen.push(what);
    },
    all: () => seen,
    held: () => new Promise((resolve) => waiting.push(resolve)),
    release() {
      for (const resolve of waiting.splice(0)) resolve('at last');
      return 'released';
    },
  });
}
