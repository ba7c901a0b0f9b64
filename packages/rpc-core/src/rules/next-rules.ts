import { type RpcError, rpcError } from '../error.js';
import { parseRules, RULES_BYTES_MAX, readRules } from './read-rules.js';
import type { RulesDocument } from './rules-document.js';

/** How many documents of a service a registry keeps, the current one included. */
export const RULES_HISTORY_MAX = 50;

/** A document that is about to be written. */
export interface NextRules {
  readonly document: RulesDocument;
  readonly text: string;
}

/**
 * Checks a document and gives it the next version, as every registry does before it writes one.
 *
 * @param lastVersion - the highest version so far, 0 for none
 * @throws TypeError for an invalid document, naming the path
 */
export function nextRules(service: string, document: unknown, lastVersion: number): NextRules {
  const where = `rules of "${service}"`;
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  const numbered: unknown = isObject ? { ...document, version: lastVersion + 1 } : document;
  const checked = readRules(numbered, where);
  const text = JSON.stringify(checked);
  if (Buffer.byteLength(text) > RULES_BYTES_MAX)
    throw new TypeError(`${where}: the document is longer than ${RULES_BYTES_MAX} bytes`);
  return { document: checked, text };
}

/** The error when somebody else has changed the document in the meantime. */
export function rulesConflict(service: string, expectedVersion: number, version: number): RpcError {
  const there = version === 0 ? 'there are none' : `version ${version} is there`;
  const expected = expectedVersion === 0 ? 'none' : `version ${expectedVersion}`;
  const reason = `the rules of "${service}" were changed by somebody else: ${there}, and ${expected} was expected; read them and begin again`;
  return rpcError('ABORTED', reason);
}

/** Reads a document as a registry holds it. Never throws: an invalid document gives a `problem` and no `document`. */
export function storedRules(text: string): {
  version: number;
  text: string;
  document: RulesDocument | undefined;
  problem: string | undefined;
} {
  try {
    const document = parseRules(text);
    return { version: document.version, text, document, problem: undefined };
  } catch (error) {
    return { version: 0, text, document: undefined, problem: (error as Error).message };
  }
}
