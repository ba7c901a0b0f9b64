import { defineService, method } from '@org/rpc';

/** What the calls of `npm run culprits` call. */
export const Work = defineService('work', {
  run: method<(ms: number) => Promise<number>>(),
  /** Does nothing but call `run`, at a server behind it. */
  pass: method<(ms: number) => Promise<number>>(),
});

/** Where the server process listens: as it is, with one call at a time, with slow bytes between, with bytes that vanish. */
export interface Ports {
  readonly plain: number;
  readonly queueing: number;
  readonly slow: number;
  readonly hole: number;
}
