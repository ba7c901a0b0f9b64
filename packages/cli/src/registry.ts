import { registryFrom } from '@org/rpc';
import type { Clock, Random } from '@org/rpc-core';
import type { Registry, RegistryHandle, RulesSource, RulesStore, Snapshot } from '@org/rpc-registry';
import { CliError } from './cli-error.js';

/** What of a terminal is needed to ask a registry. */
export interface RegistryTools {
  readonly clock: Clock;
  readonly random: Random;
}

/** A registry that was opened for one command, and what went wrong in it lately. Closed by whoever opened it. */
export interface OpenRegistry {
  readonly registry: Registry;
  /** The names of all services, sorted. @throws CliError when it cannot be asked, or does not answer in 5 s */
  services(): Promise<readonly string[]>;
  /** What it lists of a service now. @throws CliError when nothing is known of it after 5 s */
  snapshot(service: string): Promise<Snapshot>;
  /** How rules are followed and changed. @throws CliError when this kind of registry has none */
  rules(): { readonly source: RulesSource; readonly store: RulesStore };
  close(): Promise<void>;
}

/** How long a registry has to answer, in milliseconds. */
const ANSWER_MS = 5000;

/**
 * The registry that a string names; left out, what the client itself would take.
 * @throws TypeError that lists the forms
 */
export function namedRegistry(text: string | undefined): Registry {
  return registryFrom(text, '--registry');
}

/** The namespace of the commands that ask a registry themselves: the option, `RPC_NAMESPACE`, or `default`. */
export function namedNamespace(
  text: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return text ?? (environment['RPC_NAMESPACE'] || 'default');
}

/** Opens a registry to look into it. */
export function openRegistry(registry: Registry, namespace: string, tools: RegistryTools): OpenRegistry {
  let trouble = '';
  const handle: RegistryHandle = registry.open({
    namespace,
    clock: tools.clock,
    random: tools.random,
    onEvent: (event) => {
      if (event.kind === 'unreachable') trouble = `: ${event.message}`;
    },
  });
  const unanswered = (): CliError =>
    new CliError(
      `the registry ${registry.display} did not answer in ${ANSWER_MS / 1000} s${trouble}; is --registry right?`,
    );
  return {
    registry,
    services: async () => [...(await within(tools.clock, handle.services(), unanswered))].sort(),
    async snapshot(service) {
      let close = (): void => {};
      const first = new Promise<Snapshot>((resolve) => {
        const watch = handle.watch(service, (snapshot) => {
          // What is not fresh is a guess of nothing, as this handle has never heard of the service before.
          if (snapshot.fresh) resolve(snapshot);
        });
        close = () => watch.close();
      });
      return within(tools.clock, first, unanswered).finally(close);
    },
    rules() {
      const { rules: source, rulesStore: store } = handle;
      if (source === undefined || store === undefined)
        throw new CliError(`${registry.display} has no rules; they are for etcd and local registries`);
      return { source, store };
    },
    close: () => handle.close(),
  };
}

function within<T>(clock: Clock, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(ANSWER_MS, () => reject(late()));
    promise.then(resolve, reject).finally(cancel);
  });
}
