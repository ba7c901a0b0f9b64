import { plainText } from '@org/rpc-core/internal';
import type { RegistryEvent } from '@org/rpc-registry';
import type { EtcdError } from './client/etcd-port.js';

/** Reports an event. Never throws. */
export type Report = (event: RegistryEvent) => void;

/**
 * Passes events to an observer. What the observer throws becomes a warning of the process and does not disturb our own work.
 * Messages may quote keys and values that anybody may have written to etcd, so what could forge log lines is escaped.
 */
export function createReport(onEvent: ((event: RegistryEvent) => void) | undefined): Report {
  return (event) => isolate(() => onEvent?.({ ...event, message: plainText(event.message) }));
}

/** Runs code that is not ours. What it throws becomes a warning of the process, so that it harms nobody else. */
export function isolate(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  }
}

/**
 * The message for a watch that has lost changes.
 *
 * @param what - what was watched: `watching calculator`
 * @param keys - those that are known to differ
 */
export function describeLost(what: string, keys: readonly string[]): string {
  const some = keys.slice(0, LOST_NAMED_MAX).join(', ') + (keys.length > LOST_NAMED_MAX ? ', ...' : '');
  const found = keys.length === 0 ? 'the number of keys differs' : `${keys.length} keys differ: ${some}`;
  return `${what}: its watch has lost changes (${found}); it is listed anew`;
}

const LOST_NAMED_MAX = 3;

/**
 * Reports once that something is unreachable and once that it is back, however often it is tried in between. A single failure is
 * not reported; a failure of another kind (denied instead of unreachable) is reported anew.
 */
export class Outage {
  readonly #report: Report;
  readonly #what: string;
  readonly #service: string | undefined;
  #failures = 0;
  #told: EtcdError | undefined;

  /** @param what - what fails, for the message: `watching calculator` */
  constructor(report: Report, what: string, service?: string) {
    this.#report = report;
    this.#what = what;
    this.#service = service;
  }

  failed(error: EtcdError): void {
    this.#failures++;
    if (this.#failures < FAILURES_MIN || this.#told?.kind === error.kind) return;
    // A deadline after a refused connection belongs to the same outage.
    if (this.#told !== undefined && isSilence(this.#told) && isSilence(error)) return;
    this.#told = error;
    this.#report({
      kind: 'unreachable',
      message: `${this.#what}: ${error.message}`,
      error,
      service: this.#service,
    });
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#report({ kind: 'recovered', message: `${this.#what}: etcd answers again`, service: this.#service });
  }
}

const FAILURES_MIN = 2;

function isSilence({ kind }: EtcdError): boolean {
  return kind === 'unavailable' || kind === 'deadline';
}
