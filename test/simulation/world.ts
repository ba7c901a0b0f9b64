import {
  consistentHash,
  leastActive,
  NodeStatus,
  type Picker,
  type PickerFactory,
  type PickerNode,
  p2c,
  random,
  roundRobin,
  wasTried,
} from '@org/rpc';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { FakeClock, type ManualRegistry, manualRegistry, seededRandom } from '@org/rpc-testkit';
import type { Dial } from '@org/rpc-wire/internal';
import { type Caller, makeCall } from './caller.js';
import { Host } from './host.js';
import { Ledger } from './ledger.js';
import { Line } from './line.js';
import type { Plant } from './plant.js';
import { ProcessClock } from './process-clock.js';
import type { ClientSettings, RegistryFault, Script, Step } from './script.js';
import { CREDIT_BYTES } from './script.js';
import { Work } from './work.js';

/** A client with the registry that it sees. */
export interface Member extends Caller {
  readonly registry: ManualRegistry;
  readonly settings: ClientSettings;
  /** Since when it has known that an instance takes calls, by id. */
  readonly upSince: ReadonlyMap<string, number>;
  registryFault: RegistryFault | undefined;
}

const PICKERS: Readonly<Record<ClientSettings['balancer'], () => PickerFactory>> = {
  p2c,
  roundRobin,
  leastActive,
  random,
  consistentHash: () => consistentHash({ key: () => 'key', table: 'ring' }),
};

const SERVICE = Work.name;

/** Clients, servers, what is between them, and who says where they are; all of it in virtual time. */
export class World {
  readonly clock = new FakeClock(1_000);
  readonly ledger = new Ledger(() => this.clock.now());
  readonly hosts: readonly Host[];
  readonly members: readonly Member[];
  readonly lines: Line[] = [];
  /** The hosts that something has happened to that is no business of calls, by client. */
  readonly disturbed: readonly Set<number>[];
  readonly #script: Script;
  readonly #plant: Plant;
  readonly #random;
  /** Pairs of client and host that do not reach each other. */
  readonly #parted = new Set<string>();
  /** Planted: the registry never comes back to the truth. */
  #isMisled = false;

  constructor(script: Script, plant: Plant = {}) {
    const { settings } = script;
    this.#script = script;
    this.#plant = plant;
    this.#random = plant.random ?? seededRandom(settings.seed * 13 + 5);
    const { clock, ledger } = this;
    this.hosts = Array.from({ length: settings.hosts }, (_, index) => {
      const { serverOptions: options, seed } = settings;
      const layers = plant.serverLayers?.();
      return new Host({ port: index + 1, seed, options, clock, ledger, ...(layers === undefined ? {} : { layers }) });
    });
    this.disturbed = settings.clients.map(() => new Set<number>());
    this.members = settings.clients.map((each, index) => this.#join(each, index));
    for (const member of this.members) this.#publishTo(member);
  }

  get truth(): string[] {
    return this.hosts
      .filter(({ isListening, isDraining }) => isListening && !isDraining)
      .map(({ id }) => id)
      .sort();
  }

  /** Does what a step says, and undoes it when its time is over. */
  do(step: Step): void {
    if (step.kind !== 'call')
      this.ledger.note(`${step.kind} ${JSON.stringify({ ...step, kind: undefined, document: undefined })}`);
    switch (step.kind) {
      case 'call':
        return this.#call(step);
      case 'rules':
        for (const { registry } of this.members) registry.publishRules(SERVICE, step.document);
        return;
      case 'registry':
        return this.#breakRegistry(step);
      case 'partition':
        return this.#part(step);
      case 'stall':
        return this.#stall(step);
      default:
        return this.#strike(step, this.hosts[step.host]!);
    }
  }

  /** Puts right what is wrong, whatever it was. */
  heal(): void {
    this.#parted.clear();
    for (const line of this.lines) {
      line.release();
      line.mend();
    }
    for (const { clock } of this.members) clock.goOn();
    for (const host of this.hosts) {
      host.slowTimes = 1;
      host.failing = undefined;
      host.process.goOn();
      if (!host.isListening || host.isDraining) this.#restart(host);
    }
    for (const member of this.members) {
      member.registryFault = undefined;
      member.registry.publishRules(SERVICE, undefined);
      this.#publishTo(member);
    }
  }

  async close(): Promise<void> {
    const ends = this.members.map(({ client }) => client.close());
    await this.clock.advance(1_000);
    await Promise.all(ends);
    for (const { server } of this.hosts) void server.close({ drainMs: 0, graceMs: 0 });
    await this.clock.advance(3_000);
  }

  #join(settings: ClientSettings, index: number): Member {
    const clock = new ProcessClock(this.clock);
    const registry = manualRegistry();
    const { balancer, options: values } = settings;
    const { ledger } = this;
    const plant = this.#plant;
    const chosen = plant.picker?.() ?? PICKERS[balancer]();
    const resolved = resolveClientOptions({
      ...values,
      limits: { streamCreditBytes: CREDIT_BYTES, ...values.limits },
      ...plant.options,
      balancer: watchedPicker(chosen, ledger),
      name: `client-${index}`,
      registry: registry.registry,
      clock,
      random: plant.random ?? seededRandom(this.#script.settings.seed * 65_537 + index),
    });
    const client = new RpcClient(resolved, this.#dialOf(index, clock));
    const upSince = new Map<string, number>();
    client.on('endpointUp', ({ instance }) => upSince.set(instance, upSince.get(instance) ?? clock.now()));
    return { client, values, clock, ledger, registry, settings, upSince, registryFault: undefined };
  }

  #dialOf(index: number, process: ProcessClock): Dial {
    const [lag] = this.#script.settings.lagMs;
    return ({ port, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const fail = (code: string): void => reject(Object.assign(new Error(`connect ${code}`), { code }));
        const giveUpAt = this.clock.now() + timeoutMs;
        // Who gets no answer asks again after a second, as systems do.
        const ask = (): void => {
          const host = this.hosts[port - 1];
          const isUnheard = this.#parted.has(`${index} ${port - 1}`) || host?.isSilent === true;
          if (isUnheard && this.clock.now() >= giveUpAt) fail('ETIMEDOUT');
          else if (isUnheard) process.schedule(Math.min(1_000, giveUpAt - this.clock.now()), ask);
          else if (host === undefined || !host.isListening) fail('ECONNREFUSED');
          else resolve(this.#connect(index, process, host));
        };
        process.schedule(2 * lag, ask);
      });
  }

  #connect(index: number, process: ProcessClock, host: Host): Line['client'] {
    const { lagMs, cutsPieces } = this.#script.settings;
    const { clock } = this;
    const line = new Line({ clock, random: this.#random, lagMs, cutsPieces }, process, host.process, `h:${host.port}`);
    line.owner = index;
    this.lines.push(line);
    host.accept(line);
    return line.client;
  }

  #publishTo({ registry, registryFault }: Member): void {
    if (registryFault !== undefined || this.#isMisled) return;
    const endpoints = this.hosts.filter(({ isListening }) => isListening).map(({ endpoint }) => endpoint);
    registry.publish(SERVICE, endpoints);
  }

  /** The registry tells each client in its time. */
  #changed(): void {
    for (const member of this.members) this.clock.schedule(200 * this.#random(), () => this.#publishTo(member));
  }

  #breakRegistry({ client, what, forMs }: Extract<Step, { kind: 'registry' }>): void {
    const member = this.members[client]!;
    const listed = this.hosts.filter(({ isListening }) => isListening).map(({ endpoint }) => endpoint);
    const ghost = { id: 'ghost', host: 'h', port: 99, weight: 100, state: 'up' } as const;
    if (what === 'lost') member.registry.loseSource();
    if (what === 'empty') member.registry.publish(SERVICE, []);
    if (what === 'half') member.registry.publish(SERVICE, listed.slice(0, listed.length >> 1));
    if (what === 'ghost') member.registry.publish(SERVICE, [...listed, ghost]);
    member.registryFault = what;
    this.#isMisled = this.#plant.keepsWrongList === true;
    this.clock.schedule(forMs, () => {
      member.registryFault = undefined;
      this.#publishTo(member);
    });
  }

  #call(step: Extract<Step, { kind: 'call' }>): void {
    const member = this.members[step.client]!;
    member.clock.run(() => makeCall(member, step));
  }

  /** The process of a client has no turn for a while: no call of it can end meanwhile. */
  #stall({ client, forMs }: Extract<Step, { kind: 'stall' }>): void {
    const { clock } = this.members[client]!;
    const untilMs = this.clock.now() + forMs;
    clock.stop();
    this.clock.schedule(forMs, () => clock.goOn());
    this.ledger.stalled(client, untilMs);
  }

  #part({ client, host, forMs, to }: Extract<Step, { kind: 'partition' }>): void {
    const key = `${client} ${host}`;
    this.disturbed[client]!.add(host);
    this.#parted.add(key);
    const between = (): Line[] => [...this.hosts[host]!.lines].filter(({ owner }) => owner === client);
    for (const line of between()) line.hold(to);
    this.clock.schedule(forMs, () => {
      this.#parted.delete(key);
      for (const line of between()) line.release();
    });
  }

  #strike(step: Exclude<Step, { kind: 'call' | 'rules' | 'registry' | 'partition' | 'stall' }>, host: Host): void {
    if (step.kind === 'slow') {
      host.slowTimes = step.times;
      this.clock.schedule(step.forMs, () => {
        host.slowTimes = 1;
      });
      return;
    }
    if (step.kind === 'failing') {
      host.failing = step;
      this.clock.schedule(step.forMs, () => {
        host.failing = undefined;
      });
      return;
    }
    for (const each of this.disturbed) each.add(step.host);
    switch (step.kind) {
      case 'reset':
        for (const line of host.lines) line.reset();
        return;
      case 'cut':
        for (const line of host.lines) line.cutAfter(step.to, step.bytes);
        return;
      case 'freeze': {
        const { process } = host;
        process.stop();
        this.clock.schedule(step.forMs, () => process.goOn());
        return;
      }
      case 'kill':
      case 'vanish':
        if (!host.isListening) return;
        host[step.kind]();
        this.#changed();
        this.clock.schedule(step.forMs, () => this.#restart(host));
        return;
      case 'drain':
        return this.#drain(host, step.forMs);
    }
  }

  #drain(host: Host, forMs: number): void {
    if (!host.isListening || host.isDraining) return;
    const { server, process } = host;
    host.isDraining = true;
    this.#changed();
    void server.close({ drainMs: 300, graceMs: 1_500 }).then(() => {
      if (host.process === process) host.kill();
      this.#changed();
    });
    this.clock.schedule(forMs, () => this.#restart(host));
  }

  /** The next process takes the place of the one before, whether that has ended or not. */
  #restart(host: Host): void {
    if (host.isListening && !host.isDraining) return;
    host.kill();
    host.start();
    this.#changed();
  }
}

/** The picker that it is given, and I7: a node that takes no calls is never picked while another one does. */
export function watchedPicker(picker: PickerFactory, ledger: Ledger): PickerFactory {
  return {
    name: picker.name,
    create<N extends PickerNode>(nodes: readonly N[], environment: Parameters<PickerFactory['create']>[1]): Picker<N> {
      const own = picker.create(nodes, environment);
      return {
        pick(call, now) {
          const node = own.pick(call, now);
          if (node === undefined && nodes.length > 0) {
            const up = nodes.filter((each) => each.status(call, now) !== NodeStatus.DOWN);
            if (up.length > 0) ledger.violate('I7', `no node was picked, of ${nodes.length}`);
          }
          if (node?.status(call, now) === NodeStatus.DOWN) {
            const other = nodes.find((each) => each.status(call, now) === NodeStatus.OPEN && !wasTried(call, each));
            if (other !== undefined) ledger.violate('I7', `${node.address} is down, ${other.address} is not`);
          }
          return node;
        },
      };
    },
  };
}
