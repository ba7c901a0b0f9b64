import { createReadStream } from 'node:fs';
import { rollbackComment, rulesDifference, stampRules } from '@org/rpc-console';
import type { RulesDocument } from '@org/rpc-core';
import { formatJson, plainText, RULES_BYTES_MAX, readJson, readRules } from '@org/rpc-core/internal';
import type { StoredRules } from '@org/rpc-registry';
import { CliError, EXIT } from '../cli-error.js';
import { authorOf } from '../options/rules-author.js';
import type { RulesTask } from './rules-task.js';

/** `rpc rules set`: checks, shows the difference, and writes. @throws CliError or RpcError `ABORTED` for a conflict */
export async function setRules(task: RulesTask): Promise<number> {
  const [file] = task.words;
  const { given, document } = await readDocument(task, file!);
  return change(task, document, given);
}

/** `rpc rules rollback`: sets a document of the history anew. @throws CliError when it is not kept any more */
export async function rollBackRules(task: RulesTask): Promise<number> {
  const { service, store, words } = task;
  const version = Number(words[0]);
  const history = await store.history(service);
  const found = history.find((stored) => stored.version === version);
  if (found?.document === undefined) {
    const kept = history.map((stored) => stored.version).join(', ') || 'none';
    throw new CliError(`version ${words[0]} of the rules of ${service} is not kept; there are ${kept}`);
  }
  return change(task, { ...found.document, comment: rollbackComment(found.document) }, undefined);
}

/** `rpc rules delete`. */
export async function deleteRules(task: RulesTask): Promise<number> {
  const { service, store, registry, isDryRun } = task;
  const current = await store.get(service);
  if (current === undefined) throw new CliError(`${service} has no rules in ${registry}`);
  const difference = rulesDifference(current.document, undefined);
  if (!isDryRun) await store.delete(service, current.version);
  tell(task, difference, isDryRun ? undefined : 'deleted');
  return EXIT.ok;
}

/** @param given - the version that the document was made from; `undefined` for whatever is there */
async function change(task: RulesTask, document: RulesDocument, given: number | undefined): Promise<number> {
  const { service, store, isDryRun, terminal } = task;
  const current: StoredRules | undefined = await store.get(service);
  const expected = given ?? current?.version ?? 0;
  if (expected !== (current?.version ?? 0)) {
    const there = current === undefined ? 'there are none' : `version ${current.version} is there`;
    throw new CliError(
      `conflict: the document was made from version ${expected}, and ${there}: get it and begin again`,
    );
  }
  const difference = rulesDifference(current?.document, document);
  if (difference.length === 0 && current?.document !== undefined) {
    if (task.isJson) tell(task, difference, undefined);
    else terminal.out(`${service}: nothing changes, version ${current.version} stays\n`);
    return EXIT.ok;
  }
  if (current?.problem !== undefined) terminal.err(`what is replaced was not valid: ${plainText(current.problem)}\n`);
  const written = isDryRun ? undefined : await store.set(service, stampRules(document, authorOf(terminal)), expected);
  tell(task, difference, written && `version ${written.version} is set`, written?.version);
  return EXIT.ok;
}

function tell(task: RulesTask, difference: readonly string[], done: string | undefined, version?: number): void {
  const { service, terminal, isJson, style } = task;
  if (isJson) {
    terminal.out(`${formatJson({ service, written: done !== undefined, version, difference })}\n`);
    return;
  }
  for (const line of difference) {
    const paint = line.startsWith('+') ? style.good : line.startsWith('-') ? style.bad : style.warn;
    terminal.out(`  ${paint(line)}\n`);
  }
  terminal.out(`${service}: ${done ?? 'a dry run, nothing was written'}\n`);
}

/** Reads and checks the document of a user. @throws CliError naming file and path */
async function readDocument(
  { terminal }: RulesTask,
  file: string,
): Promise<{ given: number | undefined; document: RulesDocument }> {
  const where = file === '-' ? 'standard input' : file;
  const text = await readText(file === '-' ? terminal.input() : createReadStream(file), where);
  const value = readJson(where, text, { bytesMax: RULES_BYTES_MAX, depthMax: DEPTH_MAX });
  const given = (value as { version?: unknown } | null)?.version;
  // The version is for the registry to count; what it says here is which one the document was made from.
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const document = readRules(isObject && given === undefined ? { ...value, version: 1 } : value, where);
  return { given: given === undefined ? undefined : document.version, document };
}

async function readText(stream: AsyncIterable<Uint8Array | string>, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(Buffer.from(chunk));
      bytes += chunks.at(-1)!.length;
      // Enough to know that it is too long.
      if (bytes > RULES_BYTES_MAX) break;
    }
  } catch (cause) {
    throw new CliError(`cannot read ${where}: ${(cause as Error).message}`, { cause });
  }
  return Buffer.concat(chunks).toString();
}

const DEPTH_MAX = 8;
