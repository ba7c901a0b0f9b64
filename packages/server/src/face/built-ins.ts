import { AdminPort } from '../admin/admin-port.js';
import { Health, HealthBoard } from '../builtin/health.js';
import { Reflection, reflectionHandlers } from '../builtin/reflection.js';
import type { Dispatcher } from '../dispatcher.js';
import { CallTally } from '../operator/call-tally.js';
import { loopDelays } from '../operator/loop-lag.js';
import { Operator } from '../operator/operator.js';
import { type OperatorHost, operatorHandlers } from '../operator/operator-handlers.js';
import type { ResolvedServerOptions } from './options.js';

/** What a server serves besides its user's services, to probes, tools and operators. */
export class BuiltIns {
  readonly health: HealthBoard;
  /** Counts calls while an operator looks. */
  readonly tally: CallTally;
  readonly #options: ResolvedServerOptions;
  readonly #host: OperatorHost;
  readonly #dispatcher: Dispatcher;
  #admin: AdminPort | undefined;
  #isClosed = false;

  /** @param draining - aborts when the server begins to drain */
  constructor(options: ResolvedServerOptions, host: OperatorHost, dispatcher: Dispatcher, draining: AbortSignal) {
    this.#options = options;
    this.#host = host;
    this.#dispatcher = dispatcher;
    this.health = new HealthBoard(() => dispatcher.services, draining);
    const { operator, reflection, clock } = options;
    this.tally = new CallTally(clock, operator ? loopDelays(clock) : undefined);
    dispatcher.addBuiltIn(Health, this.health.handlers);
    if (reflection) dispatcher.addBuiltIn(Reflection, reflectionHandlers(dispatcher.definitions));
    if (operator) dispatcher.addBuiltIn(Operator, operatorHandlers(operator, host, this.tally, Boolean(reflection)));
  }

  /** What the server is registered for. A process that only calls others can have one for operators alone, who have to find it. */
  get registeredServices(): readonly string[] {
    const { services } = this.#dispatcher;
    return services.length === 0 && this.#options.operator?.isWanted === true ? [Operator.name] : services;
  }

  /** Where the admin port listens; `undefined` without one. */
  get adminAddress(): AdminPort['address'] | undefined {
    return this.#admin?.address;
  }

  /** Opens the admin port, if there is to be one. @throws Error in words for people when it cannot */
  async openAdmin(): Promise<void> {
    const { admin } = this.#options;
    if (admin === undefined) return;
    this.#admin = await AdminPort.open(admin, this.#host);
    if (this.#isClosed) this.#admin.close();
  }

  /** Idempotent. */
  closeAdmin(): void {
    this.#isClosed = true;
    this.#admin?.close();
  }
}
