import type { ContractDifference, MethodDefinition, ServiceDefinition } from '@org/rpc-core';
import {
  ContractNotices,
  contractDifferences,
  contractSummary,
  joinContracts,
  readContracts,
} from '@org/rpc-core/internal';
import type { ClientMethod } from '../client-method.js';
import type { ClientEvents } from '../events.js';

/** What a server has said of itself, and where it is. */
export interface GreetedServer {
  readonly contracts?: string | undefined;
  readonly instance: string;
  readonly endpoint: string;
}

/** What the contracts of a client need of it. */
export interface KnownContractsPort {
  /** The client's name. */
  readonly name: string;
  /** @returns whether anybody listens */
  emit(event: ClientEvents['contractDiffers'][0]): boolean;
  /** The method if it is in use. */
  find(service: string, method: string): ClientMethod | undefined;
}

/**
 * The contracts of a client. It sends them when it connects, the server sends its own of the same services, and differences are
 * reported once. A call pays for that only one comparison of its number of arguments.
 */
export class KnownContracts {
  readonly #port: KnownContractsPort;
  readonly #notices: ContractNotices;
  readonly #contracts = new Map<string, KnownContract>();
  /** By method: how many arguments a server's handler declares, and which server said so. */
  readonly #least = new Map<string, { readonly count: number; readonly server: GreetedServer }>();

  constructor(port: KnownContractsPort) {
    this.#port = port;
    this.#notices = new ContractNotices(`client ${port.name}`);
  }

  /** Uses this contract from now on. */
  add(definition: ServiceDefinition): void {
    const known = this.#contracts.get(definition.name);
    if (known?.definition !== definition) this.#contracts.set(definition.name, { definition, text: undefined });
  }

  /**
   * The text for HELLO; `undefined` when there are no contracts. Made when first asked for, since summaries of schemas take time.
   */
  get text(): string | undefined {
    return joinContracts([...this.#contracts.values()].map(textOf)) || undefined;
  }

  /** A server has said its own. */
  greeted(server: GreetedServer): void {
    const { contracts } = server;
    if (contracts === undefined || contracts === '') return;
    for (const [service, theirs] of readContracts(contracts)) {
      const contract = this.#contracts.get(service);
      if (contract === undefined) continue;
      const { definition } = contract;
      const ours = readContracts(textOf(contract)).get(service) ?? new Map();
      this.#tell(service, contractDifferences(ours, theirs), server);
      for (const [method, { isChecked, argumentCount }] of theirs) {
        if (isChecked || argumentCount === undefined || definition.methods[method]?.args !== undefined) continue;
        this.#least.set(`${service}.${method}`, { count: argumentCount, server });
        this.expect(this.#port.find(service, method));
      }
    }
  }

  /** Makes a method count the arguments of its calls, if a server has said how many it takes. */
  expect(called: ClientMethod | undefined): void {
    if (called === undefined) return;
    const least = this.#least.get(`${called.service}.${called.method}`);
    if (least !== undefined) called.argumentsLeast = least.count + itemsArgument(called.definition);
  }

  /** A call has fewer arguments than a server's handler declares. */
  lacking(called: ClientMethod, given: number): void {
    called.argumentsLeast = 0;
    const { service, method, definition } = called;
    const least = this.#least.get(`${service}.${method}`);
    if (least === undefined) return;
    const count = given - itemsArgument(definition);
    const text = `called with ${count} ${count === 1 ? 'argument' : 'arguments'}, and its handler declares ${least.count} (one that may be left out needs a default value there)`;
    this.#tell(service, [{ method, text }], least.server);
  }

  #tell(service: string, differences: readonly ContractDifference[], { instance, endpoint }: GreetedServer): void {
    const event = { service, instance, endpoint, differences };
    if (!this.#notices.isNews(event) || this.#port.emit(event)) return;
    this.#notices.print(event, `server ${instance} at ${endpoint}`);
  }
}

/** A contract, with its summary after that was first asked for. */
interface KnownContract {
  readonly definition: ServiceDefinition;
  text: string | undefined;
}

function textOf(contract: KnownContract): string {
  contract.text ??= contractSummary(contract.definition);
  return contract.text;
}

/** The items that a method takes stand before its other arguments. */
function itemsArgument({ kind }: MethodDefinition): number {
  return kind === 'upload' || kind === 'duplex' ? 1 : 0;
}
