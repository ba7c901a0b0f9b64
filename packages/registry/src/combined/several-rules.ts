import type { RegistryHandle } from '../registry.js';
import type { RulesSource, RulesStore } from '../rules-source.js';

/** Both parts, when one of the registries has them. */
export interface SeveralRules {
  readonly rules?: RulesSource;
  readonly rulesStore?: RulesStore;
}

/**
 * The rules of several registries as one: for each service those of the first that has any, so that rules move from one registry
 * to another service by service. Reports go where the rules came from. Tools change those of the first registry with rules.
 */
export function severalRules(handles: readonly RegistryHandle[]): SeveralRules {
  const sources = handles.flatMap(({ rules }) => rules ?? []);
  const rulesStore = handles.find((handle) => handle.rulesStore !== undefined)?.rulesStore;
  if (sources.length === 0) return {};
  /** By service: the source of what was published last. */
  const used = new Map<string, RulesSource>();
  return {
    ...(rulesStore !== undefined && { rulesStore }),
    rules: {
      watch(service, publish) {
        const texts: ({ readonly text: string | undefined } | undefined)[] = sources.map(() => undefined);
        let isClosed = false;
        const update = (index: number, text: string | undefined): void => {
          if (isClosed) return;
          texts[index] = { text };
          const first = texts.findIndex((known) => known?.text !== undefined);
          // There are none only when everybody has said so.
          if (first < 0 && texts.includes(undefined)) return;
          if (first >= 0) used.set(service, sources[first]!);
          publish(texts[first]?.text);
        };
        const watches = sources.map((source, index) => source.watch(service, (text) => update(index, text)));
        return {
          close() {
            isClosed = true;
            for (const watch of watches) watch.close();
          },
        };
      },
      report(service, instance, report) {
        const source = used.get(service) ?? sources[0];
        for (const each of sources) each.report(service, instance, each === source ? report : undefined);
      },
    },
  };
}
