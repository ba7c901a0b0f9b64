/** How names that are not complete are completed. */
export interface SearchList {
  /** Suffixes to try, in order. */
  readonly domains: readonly string[];
  /** A name with at least this many dots is first tried as it is. */
  readonly ndots: number;
}

/** Names are taken as they are. */
export const NO_SEARCH: SearchList = Object.freeze({ domains: Object.freeze([]), ndots: 1 });

/**
 * Reads the search list of a `resolv.conf`: Kubernetes writes one there, by which `users.prod.svc` is found, and c-ares does not
 * apply it to the questions that Node.js asks.
 *
 * Source: resolv.conf(5) of glibc; the last `search` or `domain` counts, at most six domains are tried.
 */
export function parseSearchList(text: string): SearchList {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'search') domains = values;
    else if (keyword === 'domain') domains = values.slice(0, 1);
    else if (keyword === 'options') ndots = ndotsOf(values) ?? ndots;
  }
  const names = domains.map((domain) => domain.replace(/\.$/, '')).filter((domain) => DOMAIN_PATTERN.test(domain));
  return { domains: names.slice(0, DOMAINS_MAX), ndots };
}

/** The complete names that a name may stand for, in the order in which they are to be tried; one that ends in a dot is complete. */
export function searchNames(name: string, { domains, ndots }: SearchList): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}

const DOMAINS_MAX = 6;
const NDOTS_MAX = 15;
const DOMAIN_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

function ndotsOf(options: readonly string[]): number | undefined {
  for (const option of options) {
    const digits = /^ndots:(\d{1,3})$/.exec(option)?.[1];
    if (digits !== undefined) return Math.min(Number(digits), NDOTS_MAX);
  }
  return undefined;
}
