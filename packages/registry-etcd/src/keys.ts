import type { KeyRange } from './client/etcd-port.js';

/**
 * Where things lie in etcd: `/<prefix>/<namespace>/services/<service>/<instance>`. Service and instance are percent-encoded, so
 * that no name reaches into the range of another.
 */
export interface ServiceKeys {
  instanceKey(service: string, instanceId: string): string;
  /** All instances of one service. */
  instances(service: string): KeyRange & { readonly rangeEnd: string };
  /** The id in the key of an instance of this service, `undefined` for a key that is none. */
  instanceId(service: string, key: string): string | undefined;
  /** All instances of all services. */
  all(): KeyRange & { readonly rangeEnd: string };
  /** The service in the key of an instance, and where the keys of the next service begin; `undefined` for a foreign key. */
  serviceOf(key: string): { readonly service: string; readonly next: string } | undefined;
}

/** @param prefix - segments separated by `/`, may be empty */
export function createServiceKeys(prefix: string, namespace: string): ServiceKeys {
  const root = `${prefix === '' ? '' : `/${prefix}`}/${encodePart(namespace)}/services/`;
  const instances = (service: string): KeyRange & { rangeEnd: string } => directory(`${root}${encodePart(service)}/`);
  return {
    instances,
    instanceKey: (service, instanceId) => instances(service).key + encodePart(instanceId),
    instanceId(service, key) {
      const start = instances(service).key;
      return key.startsWith(start) ? decodePart(key.slice(start.length)) : undefined;
    },
    all: () => directory(root),
    serviceOf(key) {
      const end = key.indexOf('/', root.length);
      if (!key.startsWith(root) || end < 0) return undefined;
      const service = decodePart(key.slice(root.length, end));
      return service === undefined ? undefined : { service, next: directory(key.slice(0, end + 1)).rangeEnd };
    },
  };
}

/** All keys that start with `path`, which ends in `/`; the byte after `/` is `0`. */
export function directory(path: string): KeyRange & { rangeEnd: string } {
  return { key: path, rangeEnd: `${path.slice(0, -1)}0` };
}

/** Encodes all but unreserved characters, and also `.` and `..`, which tools that show keys as paths would take for steps. */
export function encodePart(part: string): string {
  if (/^\.+$/.test(part)) return part.replaceAll('.', '%2E');
  // A lone surrogate has no UTF-8 and encodeURIComponent throws on it: through a buffer it becomes U+FFFD.
  return encodeURIComponent(Buffer.from(part).toString());
}

/** Accepts only the spelling that {@link encodePart} gives, so that no two keys mean one instance. */
export function decodePart(part: string): string | undefined {
  try {
    const decoded = decodeURIComponent(part);
    return decoded !== '' && encodePart(decoded) === part ? decoded : undefined;
  } catch {
    return undefined;
  }
}
