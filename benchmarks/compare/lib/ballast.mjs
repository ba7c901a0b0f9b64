/**
 * Some 20 MB of live objects, as a service has. With less than about 13 MB, V8 collects everything after each 30 MB of fresh buffers,
 * which no real service sees.
 */
export const ballast = Array.from({ length: 160_000 }, (_, i) => ({ a: i, b: `x${i}`, c: [i] }));
