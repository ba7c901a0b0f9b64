import type { Call } from '@org/rpc-core';
import type { OutcomeKind } from '../policy/outcome.js';
import type { Picker, PickerEnvironment, PickerFactory, PickerNode } from './picker.js';

/** Is told of a call that another picker would have given to another instance, of those so far. */
export type TellDifference = (call: Call, chosen: PickerNode, share: number) => void;

/**
 * Pickers that choose as `given` ones do, and ask `wanted` ones beside them what they would have chosen for the first attempt of each call:
 * for a dark rule. Those have no trial calls to give, and nothing that they choose is done.
 */
export function comparedPickers(given: PickerFactory, wanted: PickerFactory, tell: TellDifference): PickerFactory {
  let asked = 0;
  let others = 0;
  const compare = (call: Call, node: PickerNode, other: PickerNode | undefined): void => {
    asked++;
    if (other === undefined || other === node) return;
    others++;
    tell(call, other, others / asked);
  };
  return {
    name: given.name,
    wantsLoad: given.wantsLoad,
    watches: given.watches === true || wanted.watches === true,
    create: (nodes, environment) =>
      comparedPicker(given.create(nodes, environment), wanted.create(nodes, withoutTrials(environment)), compare),
  };
}

function comparedPicker<N extends PickerNode>(
  picker: Picker<N>,
  dark: Picker<N>,
  compare: (call: Call, node: N, other: N | undefined) => void,
): Picker<N> {
  const compared = (call: Call, now: number, node: N | undefined): N | undefined => {
    // A trial is given to the instance that it is of, whatever chooses.
    if (node !== undefined && call.attempt === 0 && call.trail?.trial === undefined)
      compare(call, node, dark.pick(call, now));
    return node;
  };
  const ask: Picker<N>['ask'] = (call, now) =>
    // Without an answer `pick` chooses.
    picker.ask!(call, now)?.then((node) => compared(call, now, node));
  return {
    pick: (call, now) => compared(call, now, picker.pick(call, now)),
    ...(picker.ask !== undefined && { ask }),
    settled: (node: N, latencyMs: number, kind: OutcomeKind, now: number) => {
      picker.settled?.(node, latencyMs, kind, now);
      dark.settled?.(node, latencyMs, kind, now);
    },
  };
}

const NONE: ReadonlySet<PickerNode> = new Set();

function withoutTrials(environment: PickerEnvironment): PickerEnvironment {
  return {
    random: environment.random,
    clock: environment.clock,
    zone: environment.zone,
    get inFlight() {
      return environment.inFlight;
    },
    probing: NONE,
    mayTry: false,
    earnTrial() {},
    spendTrial() {},
    avoided: (call) => environment.avoided(call),
  };
}
