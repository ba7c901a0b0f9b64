import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import { Link, type LinkEnvironment, type NodeLink } from './link.js';
import { LinkGroup } from './link-group.js';

/**
 * The links of a client: one for each instance, shared by all services that it serves and of which the client expects the same
 * identity.
 */
export class Pool {
  readonly #environment: LinkEnvironment;
  readonly #links = new Map<string, { readonly link: NodeLink; users: number }>();

  constructor(environment: LinkEnvironment) {
    this.#environment = environment;
  }

  /**
   * The link to an endpoint, made and connected when there is none. Give it back with `release`.
   * @param identity - who must be found there, over TLS; `undefined`: whoever has the name of the host
   */
  acquire(endpoint: Endpoint, identity?: string): NodeLink {
    const key = keyOf(endpoint, identity);
    let entry = this.#links.get(key);
    if (entry === undefined || entry.link.state === 'closed') {
      entry = { link: this.#make(endpoint, identity), users: 0 };
      this.#links.set(key, entry);
    }
    entry.users++;
    entry.link.connect();
    return entry.link;
  }

  #make(endpoint: Endpoint, identity?: string): NodeLink {
    const { connections } = this.#environment.protocol ?? {};
    return connections === undefined
      ? new Link(endpoint, this.#environment, identity)
      : new LinkGroup(connections, endpoint, this.#environment, identity);
  }

  /** Gives a link back; when nobody uses it any more, it closes after its last answer. */
  release(link: NodeLink): void {
    const key = keyOf(link.endpoint, link.identity);
    const entry = this.#links.get(key);
    if (entry === undefined || entry.link !== link) return;
    if (--entry.users > 0) return;
    this.#links.delete(key);
    link.retire();
    if (link.state !== 'closed') this.#retired.add(link);
  }

  /** Links that finish their last calls; they still need ticks. */
  readonly #retired = new Set<NodeLink>();

  /** Ticks every link; called about once a second. */
  tick(now: number): void {
    for (const { link } of this.#links.values()) link.tick(now);
    for (const link of this.#retired) {
      if (link.state === 'draining') link.tick(now);
      else {
        link.close('the endpoint is gone');
        this.#retired.delete(link);
      }
    }
  }

  /** Closes every link at once. */
  close(reason: string): void {
    for (const { link } of this.#links.values()) link.close(reason);
    for (const link of this.#retired) link.close(reason);
    this.#links.clear();
    this.#retired.clear();
  }
}

/** The id too: another process on the same address is another instance, with another history. */
function keyOf(endpoint: Endpoint, identity = ''): string {
  return `${endpoint.id} ${endpointAddress(endpoint)} ${identity} ${endpoint.secret?.reveal() ?? ''}`;
}
