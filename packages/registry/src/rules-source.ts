import type { RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';

/** What a client or a server reports of the rules of a service: what it did with the document that it saw last. */
export interface RulesReport {
  /** The client's name; of a server its id and `@server`, so that a client may have the same name. */
  readonly instance: string;
  /** Of a client its process, by host and number: several may have clients of one name. Clients of older versions do not tell, servers neither. */
  readonly process?: string | undefined;
  /** Of a client, whether it has called the service since it was made, or only has it open. Clients of older versions do not tell. */
  readonly hasCalled?: boolean | undefined;
  readonly status: 'applied' | 'rejected';
  /** Of the document that it is about; `undefined` when that could not be read. */
  readonly version: number | undefined;
  /** Why it was rejected. */
  readonly reason: string | undefined;
  /** The version by which calls are made; after a rejection the last good one, `undefined` for none. */
  readonly inForce: number | undefined;
  /** The mode of each policy for this instance, by the version in force. */
  readonly policies: Readonly<Record<RulePolicy, RuleMode>>;
  /** When it was said, in milliseconds since 1970. */
  readonly at: number;
}

/** The part of a registry by which clients follow rules. */
export interface RulesSource {
  /**
   * Follows the rules of a service. `publish` is called with the text of the document as soon as it is known, unchecked, and
   * again on each change; with `undefined` when there is none. Never synchronously from within `watch`, never after `close`.
   * While the source can't be reached it is silent: what was published last holds. Closing it twice is harmless.
   */
  watch(service: string, publish: (text: string | undefined) => void): { close(): void };
  /**
   * Reports to operators what this process does with the rules of a service. It replaces the report before, and is kept until the
   * handle closes; `undefined` removes it. Returns at once; failures are tried again and not reported.
   * @param key - reports of one key replace each other: the client's name and process, or what a server reports as
   */
  report(service: string, key: string, report: RulesReport | undefined): void;
}

/** A document as a registry holds it. */
export interface StoredRules {
  /** 0 when the text can't be read. */
  readonly version: number;
  /** The JSON as it was written. */
  readonly text: string;
  /** `undefined` when the text is not a valid document, because somebody wrote it without the tools. */
  readonly document: RulesDocument | undefined;
  /** What is wrong with it. */
  readonly problem: string | undefined;
}

/** The part of a registry by which tools change rules. Every method rejects with an RpcError `UNAVAILABLE` when it can't be reached. */
export interface RulesStore {
  /** The document of a service that is current; `undefined` when there is none. */
  get(service: string): Promise<StoredRules | undefined>;
  /**
   * Replaces the document of a service. Its `version` is ignored: the new one has 1 more than any before.
   *
   * @param expectedVersion - of the document that is to be replaced, 0 when there is to be none
   * @returns the document as it was written
   * @throws TypeError for an invalid document; RpcError `ABORTED` when another version is there: somebody was faster
   */
  set(service: string, document: unknown, expectedVersion: number): Promise<RulesDocument>;
  /** The last 50 documents of a service, the newest first, those included that are no longer in force. */
  history(service: string): Promise<readonly StoredRules[]>;
  /** What clients and servers have said within the last minute, ordered by instance and process; at most 10,000. */
  reports(service: string): Promise<readonly RulesReport[]>;
  /**
   * Removes the document of a service: clients go back to what they do without rules. The history stays.
   * @throws RpcError `ABORTED` as for `set`
   */
  delete(service: string, expectedVersion: number): Promise<void>;
}
