/** What becomes of the workers of a server, for observers. */
export type WorkerEvent =
  /** It serves. */
  | { readonly type: 'listening'; readonly worker: number; readonly pid: number }
  /** It has ended without being asked to; another takes its place after `restartMs`. `crashes`: how many in a row in its place. */
  | {
      readonly type: 'crashed';
      readonly worker: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly restartMs: number;
      readonly crashes: number;
    }
  /** It did not stop in its time and was killed. */
  | { readonly type: 'killed'; readonly worker: number; readonly pid: number }
  /** New workers are started, one in the place of each. */
  | { readonly type: 'reloading' }
  /** They serve; those before them end what they have begun. */
  | { readonly type: 'reloaded' }
  /** A new one did not serve: those that have not been replaced go on. */
  | { readonly type: 'reloadFailed'; readonly error: Error }
  /** It could not do what all workers were to do: `update`, `health` or `setTls` of the server in the process that watches. */
  | {
      readonly type: 'orderFailed';
      readonly worker: number;
      readonly pid: number;
      readonly order: 'update' | 'health' | 'setTls';
      readonly error: Error;
    }
  /** The address that workers share has a fault, such as no descriptors left. */
  | { readonly type: 'acceptError'; readonly error: Error };

/** So many crashes in a row are no accident. */
const LOOP = 5;

/** The event in a line for people; `undefined` for those that nobody has to see. */
export function describeWorkerEvent(event: WorkerEvent): string | undefined {
  switch (event.type) {
    case 'crashed': {
      const { worker, pid, code, signal, restartMs, crashes } = event;
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      const again = `another is started in ${restartMs < 1_000 ? `${Math.ceil(restartMs)} ms` : `${Math.ceil(restartMs / 1_000)} s`}`;
      const loop =
        crashes < LOOP ? '' : `: ${crashes} times in a row, so it does not come up by itself; see what it wrote last`;
      return `worker ${worker} (process ${pid}) ${how}, ${again}${loop}`;
    }
    case 'killed':
      return `worker ${event.worker} (process ${event.pid}) did not stop in its time and was killed`;
    case 'reloading':
      return 'new workers are started in place of those that run';
    case 'reloaded':
      return 'the new workers serve; those before them end what they have begun';
    case 'reloadFailed':
      return `the new workers do not serve, those that run go on: ${event.error.message}`;
    case 'orderFailed':
      return `worker ${event.worker} (process ${event.pid}) did not do what server.${event.order} says: ${event.error.message}`;
    case 'acceptError':
      return event.error.message;
    case 'listening':
      return undefined;
  }
}
