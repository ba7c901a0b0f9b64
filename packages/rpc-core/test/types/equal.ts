/** Whether two types are the same, `any`, optionality and `readonly` included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `assertType<true>()`: `assertType<Equal<A, B>>()`. */
export declare function assertType<_T extends true>(): void;
