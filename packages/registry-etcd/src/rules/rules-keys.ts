import type { KeyRange } from '../client/etcd-port.js';
import { decodePart, directory, encodePart } from '../keys.js';

/**
 * Where the rules of services lie in etcd, beside their instances: `/<prefix>/<namespace>/rules/<service>` is the document,
 * `rules-history/<service>/<version>` has the last ones, `rules-reports/<service>/<reporter>` what clients and servers make of it.
 */
export interface RulesKeys {
  current(service: string): string;
  /** All documents of a service that are kept, ordered by version. */
  history(service: string): KeyRange & { readonly rangeEnd: string };
  version(service: string, version: number): string;
  /** The version in the key of an entry of the history; 0 for a key that is none. */
  versionOf(service: string, key: string): number;
  reports(service: string): KeyRange & { readonly rangeEnd: string };
  report(service: string, reporter: string): string;
  /** Whose report a key has; `undefined` for a key that is none. */
  reporterOf(service: string, key: string): string | undefined;
}

/** @param prefix - segments separated by `/`, may be empty */
export function createRulesKeys(prefix: string, namespace: string): RulesKeys {
  const root = `${prefix === '' ? '' : `/${prefix}`}/${encodePart(namespace)}`;
  const history = (service: string): KeyRange & { rangeEnd: string } =>
    directory(`${root}/rules-history/${encodePart(service)}/`);
  const reports = (service: string): KeyRange & { rangeEnd: string } =>
    directory(`${root}/rules-reports/${encodePart(service)}/`);
  return {
    current: (service) => `${root}/rules/${encodePart(service)}`,
    history,
    version: (service, version) => history(service).key + String(version).padStart(VERSION_DIGITS, '0'),
    versionOf(service, key) {
      const text = key.slice(history(service).key.length);
      return /^\d{16}$/.test(text) ? Number(text) : 0;
    },
    reports,
    report: (service, reporter) => reports(service).key + encodePart(reporter),
    reporterOf: (service, key) => decodePart(key.slice(reports(service).key.length)),
  };
}

/** Padded, so that the order of the keys is that of the versions. */
const VERSION_DIGITS = 16;
