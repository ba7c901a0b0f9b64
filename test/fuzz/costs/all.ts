import { CONNECTIONS } from './connections.js';
import { DECODERS } from './decoders.js';
import type { CostSubject } from './subject.js';

/** Everything whose costs are looked for. */
export const SUBJECTS: readonly CostSubject[] = [...DECODERS, ...CONNECTIONS] as readonly CostSubject[];
