import type { Call } from '../service.js';

/**
 * Makes a test whether a call is to one of these methods, named `service.method`.
 * @throws TypeError when a name is not of that form
 */
export function methodFilter(where: string, methods: readonly string[]): (call: Call) => boolean {
  if (!Array.isArray(methods) || methods.length === 0)
    throw new TypeError(`${where}: methods must be a list of names such as 'catalog.find'`);
  const byService = new Map<string, Set<string>>();
  for (const name of methods) {
    const dot = typeof name === 'string' ? name.lastIndexOf('.') : -1;
    if (dot <= 0 || dot === name.length - 1)
      throw new TypeError(`${where}: methods must be names such as 'catalog.find', got ${JSON.stringify(name)}`);
    const service = name.slice(0, dot);
    const known = byService.get(service) ?? new Set();
    byService.set(service, known.add(name.slice(dot + 1)));
  }
  return ({ service, method }) => byService.get(service)?.has(method) === true;
}
