export { type MsgpackOptions, msgpackrCodec } from '@org/rpc-core/msgpackr';
