export { type MsgpackOptions, msgpackrCodec } from '@org/rpc-wire/msgpackr';
