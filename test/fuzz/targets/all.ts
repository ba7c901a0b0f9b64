import type { FuzzTarget } from '../fuzz-target.js';
import { decoder } from './decoder.js';
import { frameReader } from './frame-reader.js';
import { messagePackRpcClient } from './message-pack-rpc-client.js';
import { messagePackRpcServer } from './message-pack-rpc-server.js';
import { nativeClient } from './native-client.js';
import { nativeServer } from './native-server.js';
import { scanner } from './scanner.js';

/** Every target. */
export const TARGETS: readonly FuzzTarget[] = [
  decoder,
  scanner,
  frameReader,
  nativeServer,
  nativeClient,
  messagePackRpcServer,
  messagePackRpcClient,
];
