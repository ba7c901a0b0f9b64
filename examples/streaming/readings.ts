import { defineService, duplex, stream, upload } from '@org/rpc';

/** What a thermometer in a shed can tell, in degrees. */
export const Readings = defineService('readings', {
  latest: stream<(count: number) => AsyncIterable<number>>(),
  record: upload<(values: AsyncIterable<number>, place: string) => Promise<string>>(),
  smooth: duplex<(values: AsyncIterable<number>) => AsyncIterable<number>>(),
});
