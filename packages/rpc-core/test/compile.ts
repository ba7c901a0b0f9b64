import ts from 'typescript';

/** The compiler's result for a program. */
export interface Compiled {
  /**
   * One line for each diagnostic of the root files, and of this project's own declarations where `skipLibCheck` is off:
   * `file.ts:3 TS2322 Type ...`.
   */
  readonly errors: readonly string[];
  /** The emitted declarations by file name. */
  readonly declarations: ReadonlyMap<string, string>;
  /** How many types the compiler made from generic ones, its own measure of work: the same on every machine. */
  readonly instantiations: number;
}

/** Checks some files as one program, and emits their declarations where the options say so. Nothing is written to disk. */
export function compile(files: readonly string[], options: ts.CompilerOptions): Compiled {
  const program = ts.createProgram(files, options);
  const roots = files.map((file) => program.getSourceFile(file)!);
  const diagnostics = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.includes('/node_modules/@org/'));
  for (const file of [...roots, ...ours]) {
    diagnostics.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
  }
  const instantiations = program.getInstantiationCount();
  const declarations = new Map<string, string>();
  if (options.declaration) {
    for (const root of roots) {
      diagnostics.push(...program.getDeclarationDiagnostics(root));
      program.emit(root, (file, text) => declarations.set(file, text), undefined, true);
    }
  }
  return { errors: [...new Set(diagnostics.map(describe))], declarations, instantiations };
}

/** The compiler options of a tsconfig file. */
export function readOptions(configFile: string): ts.CompilerOptions {
  const unrecoverable = (diagnostic: ts.Diagnostic): never => {
    throw new Error(describe(diagnostic));
  };
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: unrecoverable };
  return ts.getParsedCommandLineOfConfigFile(configFile, {}, host)!.options;
}

function describe({ file, start = 0, code, messageText }: ts.Diagnostic): string {
  const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1;
  const name = file === undefined ? 'options' : file.fileName.slice(file.fileName.lastIndexOf('/') + 1);
  return `${name}:${line} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}
