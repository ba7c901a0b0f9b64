import type { NodeOpinion } from '@org/rpc-core';
import type { ClientState, NodeState } from './state.js';

/** Beyond so many there is something the matter with the client, and the rest says the same. */
const OPINIONS_MAX = 200;

/** What a client has against the instances that it knows, those that it avoids first; nothing of those that are well. */
export function nodeOpinions(client: string, { services }: ClientState): readonly NodeOpinion[] {
  const opinions: NodeOpinion[] = [];
  for (const [service, { nodes }] of Object.entries(services)) {
    for (const node of nodes) {
      const reasons = reasonsAgainst(node);
      if (reasons.length === 0) continue;
      const { instance, endpoint } = node;
      opinions.push({ client, service, instance, endpoint, isAvoided: isAvoided(node), reasons });
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

function soon(ms: number): string {
  return ms < 100 ? 'with the next call' : `in ${(ms / 1_000).toFixed(1)} s`;
}
