import type { Chance } from '../chance.js';

/** Something whose costs are looked for. What is sent to it is made from a `Form`, which can be changed and compared. */
export interface CostSubject<Form = unknown> {
  readonly name: string;
  /** Bytes of an input: the size in which most forms are weighed, and that of the last and largest look at the worst of them. */
  readonly sizes: readonly [usual: number, largest: number];
  seeds(): readonly Form[];
  /** Forms that show what each way into the subject takes, by name; none where it has but one. */
  readonly table: readonly { readonly name: string; readonly form: Form }[];
  mutate(form: Form, other: Form, chance: Chance): Form;
  render(form: Form, bytes: number): CostInput;
  /** Makes what takes one input, ready for it. */
  open(): CostRun;
}

/** What is given to a subject. */
export interface CostInput {
  readonly input: Buffer;
  /** Bytes of its messages, of compressed ones those that they inflate to. */
  readonly bytes: number;
  /** How many messages it has. */
  readonly messages: number;
  /** Whether some of it is compressed, so that threads have a part in it. */
  readonly inflates?: boolean;
}

/** One use of a subject. */
export interface CostRun {
  /** Takes the input and keeps what came of it. */
  take(input: CostInput): void | Promise<void>;
  /** What it counts for what it keeps, besides as much as the input has; `undefined` when it counts nothing. */
  counted(): number | undefined;
  close(): void;
}
