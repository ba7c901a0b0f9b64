import { nameInstance } from '../policy/name-call.js';
import type { Roster } from './roster.js';

/** What is known of a service that cannot be called. */
export interface Situation {
  readonly service: string;
  readonly registry: string;
  readonly namespace: string;
  readonly roster: Roster;
  /** What the registry last reported as wrong, in its words; `undefined` when nothing is. */
  readonly registryError: string | undefined;
}

const NODES_SHOWN = 3;

/** A registry that has not vouched for its list for less than this, in milliseconds, is only about to answer, if it has no trouble. */
const AGE_MIN_MS = 1_000;

/** Where every server has refused this client for who it is, that is what its callers must hear. */
export function noNodeCode({ nodes }: Pick<Roster, 'nodes'>): 'UNAUTHENTICATED' | 'UNAVAILABLE' {
  let isDenied = false;
  for (const { link } of nodes) {
    if (!link.isDenied) return 'UNAVAILABLE';
    isDenied = true;
  }
  return isDenied ? 'UNAUTHENTICATED' : 'UNAVAILABLE';
}

/** Says why no node takes a call, and what to do: the sentence that a user reads first when something is wrong. */
export function explainNoNode(situation: Situation): string {
  const { service, registry, namespace, roster, registryError } = situation;
  const where = `registry ${registry}, namespace "${namespace}"`;
  const trouble = registryError === undefined ? '' : `; its last error: ${registryError}`;
  if (!roster.isKnown)
    return `the registry has not answered yet (${where}${trouble}): ${trouble === '' ? 'start it, check the option registry, or give the call more time' : 'start it, or check the option registry'}`;
  const age = ageOf(roster, trouble);
  if (roster.size === 0)
    return `service "${service}" has no instance in ${where}${age}: start a server that adds it, or check the service's name, registry and namespace`;
  const nodes = [...roster.nodes];
  const shown = nodes
    .slice(0, NODES_SHOWN)
    .map((node) => `${nameInstance(node.address, node.instance)} (${node.downReason})`);
  const more = nodes.length > NODES_SHOWN ? ` and ${nodes.length - NODES_SHOWN} more` : '';
  return `no instance of "${service}" takes calls: ${shown.join(', ')}${more}; ${where}${age}; check that they run and can be reached from here`;
}

/** How old the list is, where the registry does not vouch for it. */
function ageOf(roster: Roster, trouble: string): string {
  if (roster.isFresh) return '';
  if (roster.isRemembered) return `; the registry has not answered yet, the list is from an earlier run${trouble}`;
  const ageMs = roster.ageMs();
  if (ageMs < AGE_MIN_MS && trouble === '') return '; the registry has not vouched for the list yet';
  return `; the registry has been unreachable for ${Math.round(ageMs / 1000)} s${trouble}`;
}
