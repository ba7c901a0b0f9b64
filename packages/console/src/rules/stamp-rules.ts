import { hostname } from 'node:os';
import type { Clock, RulesDocument } from '@org/rpc-core';

/** Who changes rules, and by which clock. */
export interface RulesAuthor {
  /** Such as `ada` or `the console`: what a tool says of itself, no proof. The host is added. */
  readonly name: string;
  readonly clock: Pick<Clock, 'wallNow'>;
}

const NAME_LENGTH_MAX = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The same document with when and by whom it is set, in place of what it says of that. */
export function stampRules<D extends object>(document: D, { name, clock }: RulesAuthor): D {
  const setBy = `${name}@${hostname()}`.replace(CONTROLS, '').slice(0, NAME_LENGTH_MAX);
  return { ...document, setAt: clock.wallNow(), setBy };
}

/** When and by whom a document was set, for people: `2026-11-28 15:45:02 UTC by ada@ops-1`; `undefined` where no tool has set it. */
export function stampOf({ setAt, setBy }: Pick<RulesDocument, 'setAt' | 'setBy'>): string | undefined {
  if (setAt === undefined) return undefined;
  const at = `${new Date(setAt).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return setBy === undefined ? at : `${at} by ${setBy}`;
}
