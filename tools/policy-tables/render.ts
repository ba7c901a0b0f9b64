import { type AnyPolicy, policyList } from '../../packages/rpc-core/src/policies/policies.js';

type Value = AnyPolicy['values'][string];

/** The pages that show policies. */
export const PAGES = { options: 'docs/options.md', rules: 'docs/rules.md' } as const;

/** The table of one page, made of the descriptions of the policies. */
const TABLES: Readonly<Record<keyof typeof PAGES, () => string[]>> = {
  options: () => [
    '| option | given for | default | |',
    '|---|---|---|---|',
    ...policyList.filter(isOption).flatMap(optionRows),
    '',
    'What cannot be given somewhere, and why:',
    '',
    ...policyList.filter(isOption).flatMap(absences),
  ],
  rules: () => ['| rule | field | |', '|---|---|---|', ...policyList.flatMap(ruleRows)],
};

/** A page with its region of policies as the descriptions say it. @throws Error when it has none */
export function renderTables(name: keyof typeof PAGES, page: string): string {
  const region = /(<!-- policies -->\n)[\s\S]*?(\n<!-- end of policies -->)/;
  if (!region.test(page)) throw new Error(`${PAGES[name]} has no region <!-- policies -->`);
  return page.replace(region, (_, begin: string, end: string) => begin + TABLES[name]().join('\n') + end);
}

function isOption({ levels }: AnyPolicy): boolean {
  return levels.some((level) => level !== 'rule');
}

/** Where a policy cannot be given, a line for each reason. */
function absences({ option, values, notBy }: AnyPolicy): string[] {
  const reasons = Object.entries(notBy ?? {});
  return reasons.map(([level, reason]) => `- \`${option ?? Object.keys(values)[0]}\` for a ${level}: ${reason}.`);
}

function optionRows({ option, values, levels, applies, isOptIn, off, inCall }: AnyPolicy): string[] {
  return Object.entries(values).map(([name, value], index) => {
    const isGiven = (level: string): boolean => {
      if (level === 'contract') return value.inContract === true;
      if (level === 'rule') return value.inRule !== false;
      return level !== 'call' || inCall === undefined;
    };
    const given = levels.filter(isGiven).join(', ');
    const path = option === undefined ? name : `${option}.${name}`;
    const notes = [
      index === 0 && isOptIn ? 'off unless given' : '',
      index === 0 && applies === 'each' ? 'each level applies' : '',
      index === 0 && off !== undefined ? `\`${option}: false\`: off${inCall === 'off' ? ', for a call too' : ''}` : '',
    ].filter((note) => note !== '');
    return `| \`${path}\` | ${given} | ${defaultOf(value)} | ${[sentence(value), ...notes].join('; ')} |`;
  });
}

function ruleRows({ name, values, rule }: AnyPolicy): string[] {
  if (rule === undefined) return [];
  const inRules = Object.entries(values).filter(([, value]) => value.inRule !== false);
  return inRules.map(([option, value], index) => {
    const field = value.inRule || option;
    const path = {
      values: `\`${field}\`, \`methods.<method>.${field}\``,
      routes: `\`routes.<number>.${field}\``,
      service: `\`${field}\``,
      server: `\`${field}\`, \`methods.<method>.${field}\`, \`server.${field}\``,
      methods: `\`methods.<method>.${field}\``,
      endpoints: '`endpoints.<instance or host:port>`',
    }[rule];
    return `| ${index === 0 ? `\`${name}\`` : ''} | ${path} | ${sentence(value)} |`;
  });
}

function sentence({ text, type, oneOf, bounds }: Value): string {
  if (type === 'text' && oneOf === undefined) return `${text}; at most 500 characters`;
  if (bounds?.min === undefined || bounds.max === undefined) return text;
  const max = bounds.max === 2 ** 31 - 1 ? '2^31 - 1' : bounds.max.toLocaleString('en');
  return `${text}; ${bounds.min.toLocaleString('en')} to ${max}`;
}

function defaultOf({ default: value, defaultText, isRequired }: Value): string {
  if (defaultText !== undefined) return defaultText;
  if (isRequired) return 'required';
  if (typeof value === 'number') return value.toLocaleString('en');
  return value === undefined ? 'none' : `\`${String(value)}\``;
}
