import type { ContractDifference, Peer, ServiceDefinition } from '@org/rpc-core';
import {
  ContractNotices,
  contractDifferences,
  contractSummary,
  joinContracts,
  readContracts,
} from '@org/rpc-core/internal';

/** Texts of clients whose answer is remembered: those of a fleet are few. */
const ANSWERS_MAX = 64;

/** What a server says of its contracts, and who is told where a client's are others. */
export class ServedContracts {
  readonly #notices: ContractNotices;
  readonly #served = new Map<string, ServedContract>();
  readonly #answers = new Map<string, string | undefined>();
  readonly #emit: (event: ContractEvent) => boolean;

  /**
   * @param instance - the id of the server
   * @param emit - tells observers, and whether there are any
   */
  constructor(instance: string, emit: (event: ContractEvent) => boolean) {
    this.#notices = new ContractNotices(`server ${instance}`);
    this.#emit = emit;
  }

  /** @param declared - how many arguments the handler of each method declares */
  add(definition: ServiceDefinition, declared: ReadonlyMap<string, number>): void {
    this.#served.set(definition.name, { definition, declared });
  }

  /** A call has fewer arguments than its handler declares. */
  lacking({ service, method, args, peer }: LackingCall, declared: number): void {
    const given = `${args.length} ${args.length === 1 ? 'argument' : 'arguments'}`;
    const text = `called with ${given}, and its handler declares ${declared} (one that may be left out needs a default value there)`;
    this.#tell(service, [{ method, text }], peer);
  }

  /** The contracts of the services that a client has named. Says what would surprise either side. */
  answer(theirs: string, peer: Peer): string | undefined {
    if (this.#answers.has(theirs)) return this.#answers.get(theirs);
    const named = readContracts(theirs);
    const answered: string[] = [];
    for (const [service, methods] of named) {
      const served = this.#served.get(service);
      if (served === undefined) continue;
      // Made when first asked for, since schemas take their time.
      served.summary ??= contractSummary(served.definition, (method) => served.declared.get(method));
      answered.push(served.summary);
      this.#tell(service, contractDifferences(methods, readContracts(served.summary).get(service) ?? new Map()), peer);
    }
    const answer = joinContracts(answered) || undefined;
    if (this.#answers.size < ANSWERS_MAX) this.#answers.set(theirs, answer);
    return answer;
  }

  #tell(service: string, differences: readonly ContractDifference[], peer: Peer): void {
    const event = { service, peer: peer.address, differences };
    if (!this.#notices.isNews(event) || this.#emit(event)) return;
    this.#notices.print(event, `client at ${peer.address}`);
  }
}

interface ServedContract {
  readonly definition: ServiceDefinition;
  readonly declared: ReadonlyMap<string, number>;
  summary?: string;
}

type LackingCall = { readonly peer: Peer; readonly args: readonly unknown[] } & Readonly<
  Record<'service' | 'method', string>
>;

/** The contract of a service is another one for a client than for this server. */
export interface ContractEvent {
  readonly service: string;
  /** The address of the first client of which that was seen. */
  readonly peer: string;
  readonly differences: readonly ContractDifference[];
}
