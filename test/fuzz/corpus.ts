import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The corpus that is part of the repository, a folder for each target. */
export const CORPUS_FOLDER: string = fileURLToPath(new URL('./corpus/', import.meta.url));

/** The inputs of a folder in the order of their names; none when there is no such folder. */
export function readInputs(folder: string): { readonly name: string; readonly input: Buffer }[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  return names.sort().map((name) => ({ name, input: readFileSync(join(folder, name)) }));
}

/** Writes an input under the name of its content. @returns its path */
export function writeInput(folder: string, input: Buffer, prefix = ''): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${prefix}${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`);
  writeFileSync(path, input);
  return path;
}
