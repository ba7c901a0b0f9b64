import type { NodeOpinion } from '@org/rpc-core';
import { SUSPECT_AFTER_MS } from './failing.js';
import type { ClientState, NodeState } from './state.js';

/** Beyond so many there is something the matter with the client, and the rest says the same. */
const OPINIONS_MAX = 200;

/** Pickers that prefer the node of which a faster answer is expected. */
const PICKERS_BY_LATENCY: ReadonlySet<string> = new Set(['p2c', 'localFirst']);
/** An instance of which less is expected is not called slow, in milliseconds, nor one that is not so many times as slow as its peers. */
const SLOW_FROM_MS = 20;
const SLOW_FACTOR = 3;

/** What a client has against the instances that it knows, those that it avoids first; nothing of those that are well. */
export function nodeOpinions(client: string, { services }: ClientState): readonly NodeOpinion[] {
  const opinions: NodeOpinion[] = [];
  for (const [service, { nodes, picker }] of Object.entries(services)) {
    for (const node of nodes) {
      const reasons = reasonsAgainst(node);
      const isSuspect = hasFailedLong(node) && nodes.some((peer) => isWell(peer));
      if (node.failing !== undefined) reasons.push(failingText(node.failing, isSuspect));
      for (const each of node.failingMethods) reasons.push(failingMethodText(each));
      const isByLatency = PICKERS_BY_LATENCY.has(picker) && !isAvoided(node);
      const peersMs = isByLatency ? peersLatencyMs(nodes, node) : undefined;
      if (peersMs !== undefined && isSlow(node.latencyMs, peersMs)) reasons.push(slowText(node.latencyMs, peersMs));
      if (reasons.length === 0) continue;
      const { instance, endpoint } = node;
      opinions.push({ client, service, instance, endpoint, isAvoided: isSuspect || isAvoided(node), reasons });
    }
  }
  return opinions.sort((a, b) => Number(b.isAvoided) - Number(a.isAvoided)).slice(0, OPINIONS_MAX);
}

function isAvoided({ connection, draining, available, breakers, ejected, denies }: NodeState): boolean {
  const isConnected = connection === 'ready' || connection === 'idle' || connection === 'connecting';
  if (!isConnected || draining || !available) return true;
  return ejected !== undefined || breakers.length > 0 || denies.length > 0;
}

/** In words for people; an idle connection is no reproach. */
function reasonsAgainst(node: NodeState): string[] {
  const { connection, error, draining, available, listed, breakers, ejected, denies } = node;
  const reasons: string[] = [];
  if (draining) reasons.push('it drains');
  else if (connection === 'backoff' || connection === 'closed')
    reasons.push(error === undefined ? 'no connection' : `no connection: ${error}`);
  if (!available) reasons.push('it says that it takes no calls');
  if (!listed) reasons.push('the registry lists it no more');
  if (ejected !== undefined)
    reasons.push(`ejected, for its calls fail or are late; one is tried ${soon(ejected.trialInMs)}`);
  for (const { method, trialInMs } of breakers)
    reasons.push(`the breaker of ${method} is open; tried again ${soon(trialInMs)}`);
  for (const method of denies) reasons.push(`it denies ${method}, which others serve`);
  return reasons;
}

/** The last success is so long ago that others go before it. */
function hasFailedLong({ failing }: NodeState): boolean {
  return failing !== undefined && failing.forMs >= SUSPECT_AFTER_MS;
}

function isWell(node: NodeState): boolean {
  return node.connection === 'ready' && !isAvoided(node) && !hasFailedLong(node);
}

function failingText(failing: Failures, isSuspect: boolean): string {
  return `${failedText(failing, 'to it')}: ${isSuspect ? 'others go before it, but for a trial call now and then' : 'each counts as a slow one'}`;
}

function failingMethodText({ method, ...failures }: NodeState['failingMethods'][number]): string {
  return `${failedText(failures, `of ${method}`)}, though it answers others: calls of ${method} alone go elsewhere, but for a trial call now and then`;
}

type Failures = NonNullable<NodeState['failing']>;

function failedText({ failures, forMs }: Failures, which: string): string {
  const calls = failures === 1 ? `1 call ${which} has` : `${failures} calls ${which} have`;
  return `${calls} failed since the last success, for ${(forMs / 1_000).toFixed(1)} s`;
}

/** What the others are expected to take, the middle one of them; `undefined` where there are none to compare with. */
function peersLatencyMs(nodes: readonly NodeState[], node: NodeState): number | undefined {
  const peers = nodes.filter((peer) => peer !== node && isWell(peer)).map(({ latencyMs }) => latencyMs);
  return peers.sort((a, b) => a - b)[(peers.length - 1) >> 1];
}

function isSlow(latencyMs: number, peersMs: number): boolean {
  return latencyMs >= SLOW_FROM_MS && latencyMs >= SLOW_FACTOR * peersMs;
}

function slowText(latencyMs: number, peersMs: number): string {
  return `slow or failing of late: ${latencyMs.toFixed(0)} ms are expected of it, of its peers ${peersMs.toFixed(1)} ms, so it gets fewer calls`;
}

function soon(ms: number): string {
  return ms < 100 ? 'with the next call' : `in ${(ms / 1_000).toFixed(1)} s`;
}
