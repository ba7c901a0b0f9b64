import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** A header or trailer, of which a message may have several values. */
export interface CaseHeader {
  readonly name: string;
  readonly value: readonly string[];
}

/** What the server is asked to do, in the words of the suite. */
export interface ResponseDefinition {
  readonly responseHeaders?: readonly CaseHeader[];
  readonly responseTrailers?: readonly CaseHeader[];
  /** Base64; a list where several items come back. */
  readonly responseData?: string | readonly string[];
  readonly responseDelayMs?: number;
  readonly error?: { readonly code: string; readonly message?: string };
}

/** One message of the client. */
export interface CaseMessage {
  readonly '@type'?: string;
  readonly responseDefinition?: ResponseDefinition;
  readonly requestData?: string;
  readonly fullDuplex?: boolean;
}

/** A payload that is expected. */
export interface CasePayload {
  readonly data: string;
  readonly requestInfo?: { readonly requests: readonly CaseMessage[] };
}

/** One case of a file, as it stands there. */
export interface ConformanceCase {
  readonly request: {
    readonly testName: string;
    readonly streamType: string;
    readonly service?: string;
    readonly method?: string;
    readonly requestHeaders?: readonly CaseHeader[];
    readonly requestMessages: readonly CaseMessage[];
    readonly requestDelayMs?: number;
    readonly timeoutMs?: number;
    readonly cancel?: {
      readonly beforeCloseSend?: unknown;
      readonly afterCloseSendMs?: number;
      readonly afterNumResponses?: number;
    };
    readonly rawRequest?: { readonly verb: string; readonly uri: string; readonly headers: readonly CaseHeader[] };
  };
  readonly expandRequests?: readonly { readonly sizeRelativeToLimit: number }[];
  readonly expectedResponse?: {
    readonly payloads?: readonly CasePayload[];
    readonly error?: { readonly code: string | number };
  };
}

const FOLDER = new URL('../../packages/rpc/test/vectors/connect-conformance/', import.meta.url);

/** The names of all files of the suite, without their ends. */
export function conformanceFiles(): string[] {
  return readdirSync(fileURLToPath(FOLDER))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.replace('.yaml', ''))
    .sort();
}

/** The cases of a file, in its order. */
export function conformanceCases(file: string): readonly ConformanceCase[] {
  const suite = parse(readFileSync(new URL(`${file}.yaml`, FOLDER), 'utf8')) as { testCases: ConformanceCase[] };
  return suite.testCases;
}
