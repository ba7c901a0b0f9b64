import { createHash, timingSafeEqual } from 'node:crypto';
import { hostname } from 'node:os';
import { askOpinions, askTroubles, askUses, callContext, type ServiceHandlers } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { ServerState } from '../state.js';
import type { CallTally } from './call-tally.js';
import type { Operator } from './operator.js';
import { OPERATOR_TOKEN_KEY, type ResolvedOperator } from './operator-options.js';

const OPINIONS_MAX = 500;
const TROUBLES_MAX = 1_000;
const USES_MAX = 500;
const PROCESS = `${hostname()}:${process.pid}`;

/** What operators can ask of a server. */
export interface OperatorHost {
  state(): ServerState;
  /** Begins to drain, as if a signal had come. */
  drain(): void;
}

/** What serves `rpc.operator`. */
export function operatorHandlers(
  { token }: ResolvedOperator,
  host: OperatorHost,
  tally: CallTally,
  reflection: boolean,
): ServiceHandlers<typeof Operator> {
  return {
    report() {
      admit(token);
      const { since, calls } = tally.ask();
      const loop = { loopLagMs: tally.lag.lastMs, loopLagWorstMs: tally.worstLagMs };
      const opinions = askOpinions(OPINIONS_MAX);
      const of = { troubles: askTroubles(TROUBLES_MAX), clients: askUses(USES_MAX), process: PROCESS, reflection };
      const server = host.state();
      // Who asks is told of others.
      const running = Math.max(0, server.calls.running - 1);
      const state = { ...server, calls: { ...server.calls, running } };
      return { version: 1, server: state, countingSince: since, calls, ...loop, opinions, ...of };
    },
    drain() {
      admit(token);
      host.drain();
    },
  };
}

/** @throws RpcError `PERMISSION_DENIED` */
function admit(token: string | undefined): void {
  const { peer, metadata } = callContext()!;
  if (token === undefined) {
    if (isThisMachine(peer.address)) return;
    throw rpcError('PERMISSION_DENIED', 'only callers on its own machine may: give createServer operator: { token }');
  }
  const given = metadata[OPERATOR_TOKEN_KEY] ?? '';
  if (timingSafeEqual(digest(given), digest(token))) return;
  const what = given === '' ? 'needs the token of its option operator' : 'has another token';
  throw rpcError('PERMISSION_DENIED', `this server ${what}: --operator-token or RPC_OPERATOR_TOKEN`);
}

function isThisMachine(address: string): boolean {
  return /^(memory:\w+|unix|(::ffff:)?127(\.\d+){3}:\d+|::1:\d+)$/.test(address);
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
