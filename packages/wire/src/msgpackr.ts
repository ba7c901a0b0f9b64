export type { MsgpackOptions } from './codec/msgpack.js';
export { msgpackrCodec } from './codec/msgpackr.js';
