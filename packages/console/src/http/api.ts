import type { RulesDocument } from '@org/rpc-core';
import { RULES_BYTES_MAX, readJson, readRules } from '@org/rpc-core/internal';
import type { RulesStore, StoredRules } from '@org/rpc-registry';
import { calledMethods } from '../fleet/caller-views.js';
import type { Fleet } from '../fleet/fleet.js';
import type { WatchedInstance } from '../fleet/watched-instance.js';
import { previewRules, type RulePreview } from '../preview/preview-rules.js';
import { rulesDifference, summaryOf } from '../rules/describe-rules.js';
import { followersOf } from '../rules/reports-of-rules.js';
import { rollbackComment } from '../rules/rollback-comment.js';
import { type RulesAuthor, stampOf, stampRules } from '../rules/stamp-rules.js';
import { weighInstance } from '../rules/weigh-instance.js';
import { type RuleEffect, ruleEffects } from './rule-effects.js';
import { tryCall } from './try-call.js';

/** A mistake in a request, described in words. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One path of the console's API. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST';
  /** Whether it changes something and so needs the token. */
  readonly changes: boolean;
  /**
   * An async iterable is sent line by line as its items come, until the reader leaves.
   * @param input - the query of a GET, the body of a POST
   * @param left - aborts when the reader is gone
   * @throws ApiError, TypeError or RpcError in words for people
   */
  run(fleet: Fleet, input: Input, left: AbortSignal): Promise<unknown> | unknown;
}

type Input = Readonly<Record<string, unknown>>;

/** How far back previews and the pages of callers look at calls, in seconds. */
const PAST_SECONDS = 300;
/** How many clients and servers are shown that follow rules. */
const REPORTS_MAX = 500;
const SERIES: ReadonlySet<string> = new Set(['service', 'instance', 'method', 'caller']);

/** Everything that the page asks for. */
export const API: Readonly<Record<string, ApiRoute>> = {
  '/api/history': {
    method: 'GET',
    changes: false,
    run: (fleet, { kind, name, method }) => {
      if (!SERIES.has(text(kind, 'kind'))) throw new ApiError(400, 'kind is service, instance, method or caller');
      const key = [text(kind, 'kind'), text(name, 'name'), ...(kind === 'method' ? [text(method, 'method')] : [])];
      return { second: fleet.second, points: fleet.traffic.points(...key) };
    },
  },
  '/api/caller': {
    method: 'GET',
    changes: false,
    run: (fleet, { name }) => ({
      methods: calledMethods(text(name, 'name'), fleet.traffic.pairs(fleet.second, PAST_SECONDS)),
      seconds: PAST_SECONDS,
      isPartial: fleet.traffic.isPartial,
    }),
  },
  '/api/rules': {
    method: 'GET',
    changes: false,
    run: (fleet, { service }) => rulesOf(fleet, text(service, 'service')),
  },
  '/api/preview': { method: 'POST', changes: false, run: previewOf },
  '/api/rules/set': { method: 'POST', changes: true, run: setRules },
  '/api/rules/rollback': { method: 'POST', changes: true, run: rollBack },
  '/api/weight': {
    method: 'POST',
    changes: true,
    run: async (fleet, input) => {
      const instance = instanceOf(fleet, input);
      const weight = input['weight'] === null ? undefined : Number(input['weight']);
      const { id } = instance.endpoint;
      const own = fleet.view().instances.find((each) => each.id === id)?.services ?? [];
      const changes = [];
      for (const service of own)
        changes.push(
          await weighInstance(
            storeOf(fleet),
            service,
            id,
            weight,
            `console: ${id} weighs ${weight ?? 'as it says'}`,
            authorOf(fleet),
          ),
        );
      return { changes };
    },
  },
  '/api/drain': {
    method: 'POST',
    changes: true,
    run: async (fleet, input) => {
      await instanceOf(fleet, input).client.drain();
      return { draining: true };
    },
  },
  '/api/describe': {
    method: 'GET',
    changes: false,
    run: (fleet, { service }) => memberOf(fleet, text(service, 'service')).client.describe(text(service, 'service')),
  },
  // A change, because the method may do anything.
  '/api/call': { method: 'POST', changes: true, run: tryIt },
};

async function rulesOf(fleet: Fleet, service: string): Promise<unknown> {
  const store = storeOf(fleet);
  const [current, history, reports] = await Promise.all([
    store.get(service),
    store.history(service),
    store.reports(service),
  ]);
  return {
    version: current?.version ?? 0,
    text: current === undefined ? undefined : pretty(current),
    problem: current?.problem,
    effects: current?.document === undefined ? [] : effectsOf(fleet, service, current.document),
    effectSeconds: PAST_SECONDS,
    setAt: current?.document?.setAt,
    history: history.map((stored, index) => ({
      version: stored.version,
      summary: stored.document === undefined ? `not valid: ${stored.problem}` : summaryOf(stored.document),
      comment: stored.document?.comment,
      set: stored.document && stampOf(stored.document),
      difference: rulesDifference(history[index + 1]?.document, stored.document),
    })),
    ...shownFollowers(followersOf(current, history, reports)),
  };
}

function effectsOf(fleet: Fleet, service: string, document: RulesDocument): readonly RuleEffect[] {
  const instances = fleet.services.get(service)?.snapshot?.endpoints ?? [];
  return ruleEffects(document, {
    service,
    troubles: fleet.troubles.lately(fleet.second, Number.POSITIVE_INFINITY),
    past: fleet.traffic.pairs(fleet.second, PAST_SECONDS),
    servers: instances.flatMap(({ id }) => fleet.instances.get(id)?.report?.server ?? []),
  });
}

function shownFollowers({ concerned, others }: ReturnType<typeof followersOf>): object {
  return {
    reports: concerned.slice(0, REPORTS_MAX),
    unconcerned: { side: others[0]?.side, count: others.reduce((sum, { processes }) => sum + processes, 0) },
  };
}

/** The preview of a document, or what is wrong with the document. */
async function previewOf(fleet: Fleet, input: Input): Promise<unknown> {
  const service = text(input['service'], 'service');
  let document: RulesDocument;
  try {
    document = documentOf(input).document;
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const current = await storeOf(fleet).get(service);
  const past = fleet.traffic.pairs(fleet.second, PAST_SECONDS);
  const endpoints = new Map([...fleet.instances].map(([id, { endpoint }]) => [id, endpoint]));
  const troubles = fleet.troubles.lately(fleet.second, Number.POSITIVE_INFINITY);
  const rows: readonly RulePreview[] = previewRules(service, document, past, endpoints, current?.document, troubles);
  const calls = past.reduce((sum, { pair, flow }) => sum + (pair.service === service ? flow.calls : 0), 0);
  const { isPartial } = fleet.traffic;
  return { rows, calls, seconds: PAST_SECONDS, isPartial, difference: rulesDifference(current?.document, document) };
}

async function setRules(fleet: Fleet, input: Input): Promise<unknown> {
  const { given } = documentOf(input);
  const stamped = stampRules(given as object, authorOf(fleet));
  return { version: (await storeOf(fleet).set(text(input['service'], 'service'), stamped, expectedOf(input))).version };
}

async function rollBack(fleet: Fleet, input: Input): Promise<unknown> {
  const service = text(input['service'], 'service');
  const store = storeOf(fleet);
  const found = (await store.history(service)).find(({ version }) => version === input['version']);
  if (found?.document === undefined) throw new ApiError(404, `version ${String(input['version'])} is not kept`);
  const next = stampRules({ ...found.document, comment: rollbackComment(found.document) }, authorOf(fleet));
  return { version: (await store.set(service, next, expectedOf(input))).version };
}

function tryIt(fleet: Fleet, input: Input, left: AbortSignal): Promise<unknown> | AsyncIterable<unknown> {
  const service = text(input['service'], 'service');
  const { args, items = [] } = input;
  if (!Array.isArray(args)) throw new ApiError(400, 'the arguments are a JSON array');
  if (!Array.isArray(items)) throw new ApiError(400, 'the items are a JSON array');
  const instance = input['instance'] === undefined ? memberOf(fleet, service) : instanceOf(fleet, input);
  const called = { service, method: text(input['method'], 'method'), args, items, left };
  return tryCall(instance, input['kind'], called, fleet.options.clock);
}

/** Reads the document of a request. @throws ApiError or TypeError that says where it is wrong */
function documentOf(input: Input): { readonly given: unknown; readonly document: RulesDocument } {
  const given = readJson('the document', text(input['text'], 'text'), { bytesMax: RULES_BYTES_MAX, depthMax: 8 });
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const document = readRules(isObject ? { ...given, version: 1 } : given, 'the document');
  return { given, document };
}

function pretty({ text: written, document }: StoredRules): string {
  if (document === undefined) return written;
  // What the tools write themselves is not for people to edit.
  const { version: _, setAt: __, setBy: ___, ...rest } = JSON.parse(written) as Record<string, unknown>;
  return JSON.stringify(rest, undefined, 2);
}

/** Whoever has the token of the console: it knows no names. */
function authorOf({ options: { clock } }: Fleet): RulesAuthor {
  return { name: 'console', clock };
}

function storeOf(fleet: Fleet): RulesStore {
  const { rulesStore } = fleet.handle;
  if (rulesStore === undefined) throw new ApiError(404, `${fleet.options.registry.display} holds no rules`);
  return rulesStore;
}

function instanceOf(fleet: Fleet, input: Input): WatchedInstance {
  const found = fleet.instances.get(text(input['instance'], 'instance'));
  if (found === undefined) throw new ApiError(404, 'there is no such instance any more');
  return found;
}

/** An instance of a service, preferably one that takes calls. */
function memberOf(fleet: Fleet, service: string): WatchedInstance {
  const endpoints = fleet.services.get(service)?.snapshot?.endpoints ?? [];
  const { id } = endpoints.find(({ state }) => state === 'up') ?? endpoints[0] ?? {};
  const found = id === undefined ? undefined : fleet.instances.get(id);
  if (found === undefined) throw new ApiError(404, 'the service has no instance');
  return found;
}

function expectedOf(input: Input): number {
  const version = input['expectedVersion'];
  if (typeof version === 'number' && Number.isSafeInteger(version) && version >= 0) return version;
  throw new ApiError(400, 'expectedVersion is the version that is replaced, 0 for none');
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length <= 2 * RULES_BYTES_MAX) return value;
  throw new ApiError(400, `${name} is a text`);
}
