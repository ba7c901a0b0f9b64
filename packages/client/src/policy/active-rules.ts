import type { RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';
import { ruleModes } from '@org/rpc-core/internal';

/** A document of rules as it concerns one client. Immutable: another document makes another one. */
export interface ActiveRules {
  readonly document: RulesDocument;
  /** Whose rules they are. */
  readonly service: string;
  /** What each policy is for this client. */
  readonly modes: Readonly<Record<RulePolicy, RuleMode>>;
}

/** Finds out what a document is for an instance. */
export function activeRules(document: RulesDocument, instance: string, service: string): ActiveRules {
  return Object.freeze({
    document,
    service,
    modes: ruleModes('client', document, instance, service),
  });
}
