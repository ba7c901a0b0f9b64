import type { ClientOptions, PickerFactory, Random, ServerOptions } from '@org/rpc';

/** A fault that is planted on purpose, to see that the simulation notices it. */
export interface Plant {
  /** Options of every client, over those that were drawn. */
  readonly options?: ClientOptions;
  readonly picker?: () => PickerFactory;
  readonly serverLayers?: () => NonNullable<ServerOptions['layers']>;
  /** Chance that no seed rules. */
  readonly random?: Random;
  /** The registry goes on telling the wrong list. */
  readonly keepsWrongList?: boolean;
}
