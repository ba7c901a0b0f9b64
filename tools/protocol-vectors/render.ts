/** A frame of the data file, as far as the page shows it. */
interface FrameVector {
  readonly name: string;
  readonly what: string;
  readonly direction: 'client' | 'server' | 'both';
  readonly hex: string;
  readonly fields: Record<string, unknown>;
  readonly onlyRead?: boolean;
}

/** A step of a session, as far as the page shows it. */
interface SessionStep {
  readonly client?: string;
  readonly server?: string;
  readonly from?: 'client' | 'server';
  readonly what?: string;
  readonly hex?: string;
  readonly ends?: boolean;
  readonly [option: string]: unknown;
}

/** The data file, as far as the page shows it. */
export interface PageVectors {
  readonly frames: readonly FrameVector[];
  readonly pieces: readonly {
    name: string;
    what: string;
    direction: keyof typeof DIRECTIONS;
    frames: readonly string[];
    onlyRead?: boolean;
  }[];
  readonly values: readonly { name: string; what: string; hex: string; value: unknown; onlyRead?: boolean }[];
  readonly refusedValues: readonly { name: string; hex: string; reason: string }[];
  readonly sessions: readonly { name: string; what: string; steps: readonly SessionStep[]; outcome?: unknown }[];
  readonly refused: readonly {
    name: string;
    to: string;
    after?: string;
    streams?: boolean;
    hex: string;
    times?: number;
    goAway: { code: number; reason: string };
  }[];
  readonly refusedCalls: readonly { name: string; hex: string; answer: string }[];
}

const LINE_LENGTH = 108;
const COMPRESSED = 0x10;
const REGION = /^<!-- vectors: (.+) -->\n(?:(?!<!-- ).*\n)*<!-- end of vectors -->$/gm;
const DIRECTIONS = { client: 'client to server', server: 'server to client', both: 'either direction' } as const;

/**
 * Fills the marked regions of a page: each begins with `<!-- vectors: what -->` and ends with `<!-- end of vectors -->`, where
 * what is `frames` and a type, `pieces`, `values`, `refused values`, `sessions`, `refused to client` or `server`, or `refused calls`.
 * @throws Error when a region asks for something else, is not ended, or a type of frame has no region
 */
export function renderVectors(page: string, vectors: PageVectors): string {
  const shown = new Set<string>();
  const rendered = page.replace(REGION, (_region, what: string) => {
    shown.add(what);
    return `<!-- vectors: ${what} -->\n${renderRegion(what, vectors)}\n<!-- end of vectors -->`;
  });
  const begun = page.match(/^<!-- vectors: .+ -->$/gm)?.length ?? 0;
  if (begun !== shown.size) throw new Error(`${begun} regions begin, ${shown.size} different ones end`);
  for (const what of everyRegion(vectors)) {
    if (!shown.has(what)) throw new Error(`the page has no region "${what}"`);
  }
  return rendered;
}

/** Every region that a page must have, so that no vector is left out. */
function everyRegion({ frames }: PageVectors): string[] {
  const types = new Set(frames.map(({ fields }) => `frames ${String(fields['type'])}`));
  return [...types, ...Object.keys(REGIONS)];
}

function renderRegion(what: string, vectors: PageVectors): string {
  const [, type] = /^frames (.+)$/.exec(what) ?? [];
  const frames = vectors.frames.filter(({ fields }) => fields['type'] === type);
  if (frames.length > 0) return fenced(frames.map(frameText));
  const render = REGIONS[what];
  if (render === undefined) throw new Error(`there are no vectors "${what}"`);
  return render(vectors);
}

const REGIONS: Readonly<Record<string, (vectors: PageVectors) => string>> = {
  pieces: ({ pieces }) =>
    fenced(
      pieces.map(({ name, what, direction, frames, onlyRead }) => {
        const head = `# ${name}, ${DIRECTIONS[direction]}: ${what}${onlyRead === true ? ' (only read here)' : ''}`;
        return [head, ...frames.flatMap((hex) => wrapped('', hex))].join('\n');
      }),
    ),
  values: ({ values }) =>
    table(
      ['value', 'bytes', ''],
      values.map(({ name, what, hex, value, onlyRead }) => {
        const remark = [what, ...(onlyRead === true ? ['only read'] : [])].filter((text) => text !== '').join('; ');
        return [`${name}: ${code(JSON.stringify(value))}`, code(hex), remark];
      }),
    ),
  'refused values': ({ refusedValues }) =>
    table(
      ['bytes', 'what is wrong', 'the reason says'],
      refusedValues.map(({ name, hex, reason }) => [hex === '' ? 'none' : code(hex), name, reason]),
    ),
  sessions: ({ sessions }) =>
    sessions
      .map(({ name, what, steps, outcome }) => {
        const result = outcome === undefined ? [] : [`# the caller has ${JSON.stringify(outcome)}`];
        return `**${upperFirst(name)}**: ${what}.\n\n${fenced([[...steps.map(stepText), ...result].join('\n')])}`;
      })
      .join('\n\n'),
  'refused to server': (vectors) => refusedTable(vectors, 'server'),
  'refused to client': (vectors) => refusedTable(vectors, 'client'),
  'refused calls': ({ refusedCalls }) =>
    fenced(
      refusedCalls.map(({ name, hex, answer }) =>
        [`# ${name}`, ...wrapped('C ', hex), ...wrapped('S ', answer)].join('\n'),
      ),
    ),
};

function refusedTable({ refused }: PageVectors, to: string): string {
  return table(
    ['what', 'bytes', 'code', 'reason'],
    refused
      .filter((refusal) => refusal.to === to)
      .map(({ name, after, streams, hex, times, goAway }) => [
        `${name}${after === 'nothing' ? ' (first bytes)' : ''}${streams === true ? ' (call 1 streams)' : ''}`,
        `${code(hex)}${times === undefined ? '' : ` ${times} times`}`,
        String(goAway.code),
        goAway.reason,
      ]),
  );
}

function frameText({ name, what, direction, hex, fields, onlyRead }: FrameVector): string {
  const { type, ...said } = fields;
  // Which body it is stands in other fields of the data; the byte has the flags of both.
  if (type === 'REQUEST' && (Number.parseInt(hex.split(' ')[2]!, 16) & COMPRESSED) !== 0)
    said['flags'] = [...(said['flags'] as string[]), 'COMPRESSED'];
  const head = `# ${name}, ${DIRECTIONS[direction]}: ${what}${onlyRead === true ? ' (only read here)' : ''}`;
  return [head, ...wrapped('', hex), ...broken('= ', JSON.stringify(said), /(?<=,)(?=")/)].join('\n');
}

function stepText({ from, what, hex, ends, client, server, ...options }: SessionStep): string {
  const given = Object.keys(options).length === 0 ? '' : ` ${JSON.stringify(options)}`;
  if (client !== undefined) return `# the client: ${client}${given}`;
  if (server !== undefined) return `# the server: ${server}${given}`;
  const side = from === 'client' ? 'C ' : 'S ';
  return ends === true ? `# ${from}: ${what}` : [`# ${from}: ${what}`, ...wrapped(side, hex!)].join('\n');
}

/** Hex in lines, cut at its spaces where it has some, else after whole bytes. */
function wrapped(prefix: string, hex: string): string[] {
  const room = LINE_LENGTH - prefix.length;
  const pieces = hex.split(' ').flatMap((part) => part.match(new RegExp(`.{1,${room - (room % 2)}}`, 'g')) ?? []);
  return joined(prefix, pieces, ' ');
}

function broken(prefix: string, text: string, at: RegExp): string[] {
  return joined(prefix, text.split(at), '');
}

function joined(prefix: string, pieces: readonly string[], between: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of pieces) {
    const longer = line === '' ? piece : line + between + piece;
    if (line === '' || prefix.length + longer.length <= LINE_LENGTH) line = longer;
    else {
      lines.push(line);
      line = piece;
    }
  }
  return [...lines, line].map((text, index) => (index === 0 ? prefix : ' '.repeat(prefix.length)) + text);
}

function fenced(parts: readonly string[]): string {
  return `\`\`\`text\n${parts.join('\n\n')}\n\`\`\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
