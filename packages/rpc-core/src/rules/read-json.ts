/**
 * Reads JSON from untrusted sources: bounded in size and depth, and with each key at most once, because with two equal keys the
 * last would count while a person sees the first.
 *
 * Names such as `__proto__` become plain own keys, as with `JSON.parse`; users of the value must refuse them.
 *
 * @param bounds - `bytesMax` of its UTF-8, `depthMax` of nested objects and lists
 * @throws TypeError that says what is wrong and where
 */
export function readJson(where: string, text: string, bounds: { bytesMax: number; depthMax: number }): unknown {
  const { bytesMax, depthMax } = bounds;
  // A character is at least one byte, so a text with more characters than bytes are allowed is too long.
  const bytes = text.length > bytesMax ? text.length : Buffer.byteLength(text);
  if (bytes > bytesMax) throw new TypeError(`${where}: it is longer than ${bytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`${where}: it is not JSON: ${oneLine((error as Error).message)}`);
  }
  assertShape(where, text, depthMax);
  return value;
}

/** Walks over text that is known to be JSON. */
function assertShape(where: string, text: string, depthMax: number): void {
  /** The keys so far of each open object; `undefined` for an open list. */
  const open: (Set<string> | undefined)[] = [];
  const string = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
  const colon = /\s*:/y;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '{' || character === '[') {
      if (open.length >= depthMax) throw new TypeError(`${where}: it is deeper than ${depthMax} levels`);
      open.push(character === '{' ? new Set() : undefined);
    } else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      string.lastIndex = at;
      const [token] = string.exec(text)!;
      at += token.length - 1;
      const keys = open.at(-1);
      colon.lastIndex = at + 1;
      if (keys === undefined || !colon.test(text)) continue;
      // Compared after unescaping, since one key can be written in many ways.
      const key = JSON.parse(token) as string;
      if (keys.has(key)) throw new TypeError(`${where}: it has the key ${JSON.stringify(key.slice(0, 100))} twice`);
      keys.add(key);
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
