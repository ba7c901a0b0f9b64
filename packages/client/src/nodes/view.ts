import type { Call, Cancel, Clock, NodeSubset } from '@org/rpc-core';
import { type Picker, type PickerEnvironment, type PickerFactory, wasTried } from '../picker/picker.js';
import type { Node } from './node.js';

/** So many nodes that take calls delay a new picker by a millisecond; so that making pickers takes a tenth of the time at most. */
const NODES_PER_MS = 500;

/** The longest such delay, in milliseconds. */
const REBUILD_MAX_MS = 25;

/** What a view is made of. */
export interface ViewSettings {
  readonly clock: Clock;
  /** All nodes, those included that take no calls. */
  readonly nodes: () => Iterable<Node>;
  /** Those that choose now; when they are others, {@link View.rebuild} is called. */
  readonly pickers: () => PickerFactory;
  readonly environment: PickerEnvironment;
  /** Another picker has taken the place of the one before. */
  readonly onSwap: () => void;
}

/** The nodes that take calls, and the picker that chooses among them: both are replaced as a whole, never changed. */
export class View {
  readonly #settings: ViewSettings;
  #ready: readonly Node[] = [];
  #picker: Picker<Node>;
  /** By the key of the subset; as many as routes say, of which there are a hundred at most. */
  readonly #subsets = new Map<string, Picker<Node>>();
  #stale = false;
  #cancelRebuild: Cancel | undefined;

  constructor(settings: ViewSettings) {
    this.#settings = settings;
    this.#picker = settings.pickers().create<Node>([], settings.environment);
  }

  get picker(): Picker<Node> {
    return this.#picker;
  }

  /** The picker for some of the nodes; made with the first call that is led there, from those that take calls. */
  pickerOf(subset: NodeSubset): Picker<Node> {
    let picker = this.#subsets.get(subset.key);
    if (picker === undefined) {
      const { pickers, environment } = this.#settings;
      const nodes = this.#ready.filter((node) => subset.includes(node));
      picker = pickers().create(nodes, environment);
      this.#subsets.set(subset.key, picker);
    }
    return picker;
  }

  /** How many nodes take calls. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** Whether a node takes calls at which the call was not yet. */
  hasUntried(call: Call): boolean {
    return this.#ready.some((node) => node.isReady && !wasTried(call, node));
  }

  /** Whether nodes have changed since the picker was made: the next one is on its way. */
  get isStale(): boolean {
    return this.#stale;
  }

  /**
   * Many changes within a tick make one picker. With many nodes, those of some milliseconds do: a picker costs as much as it has
   * nodes, and ten thousand of them may connect one by one. Whoever picks looks at the node again, so nobody is misled meanwhile.
   */
  changed(delayMs = Math.min(Math.floor(this.#ready.length / NODES_PER_MS), REBUILD_MAX_MS)): void {
    if (this.#stale) return;
    this.#stale = true;
    if (delayMs === 0) queueMicrotask(() => this.rebuild());
    else this.#cancelRebuild = this.#settings.clock.schedule(delayMs, () => this.rebuild(), true);
  }

  /** Without delay: lists come no more often than their registry coalesces them. */
  changedAll(): void {
    if (this.#cancelRebuild !== undefined) {
      this.#cancelRebuild();
      this.#cancelRebuild = undefined;
      this.#stale = false;
    }
    this.changed(0);
  }

  /** Makes the next picker now. */
  rebuild(): void {
    const { pickers, environment, nodes, onSwap } = this.#settings;
    this.#cancelRebuild?.();
    this.#cancelRebuild = undefined;
    this.#stale = false;
    this.#ready = [...nodes()].filter((node) => node.isReady);
    this.#picker = pickers().create(this.#ready, environment);
    this.#subsets.clear();
    onSwap();
  }
}
