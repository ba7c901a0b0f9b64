import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './root.mjs';

const PAGE = join(ROOT, 'packages/console/page');

/** The files of the console's page, by name: the same bytes for the same sources. */
export async function buildConsole() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { console: join(PAGE, 'main.tsx') },
    bundle: true,
    write: false,
    outdir: join(ROOT, 'packages/console/assets'),
    minify: true,
    format: 'esm',
    target: ['es2022'],
    charset: 'ascii',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    tsconfigRaw: { compilerOptions: {} },
    // The licences of what is in it go with it.
    legalComments: 'inline',
  });
  const { outputFiles: styles } = await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: '@import "uplot/dist/uPlot.min.css";\n@import "./console.css";',
      loader: 'css',
      resolveDir: PAGE,
    },
    bundle: true,
    write: false,
    minify: true,
    charset: 'ascii',
  });
  return new Map([
    ['LICENSES.txt', licences()],
    ['index.html', readFileSync(join(PAGE, 'index.html'), 'utf8')],
    ['console.js', outputFiles[0].text],
    ['console.css', styles[0].text],
  ]);
}

/** What is in the page of others, and by which licences. */
function licences() {
  const texts = ['preact', 'uplot'].map((name) => {
    const folder = join(ROOT, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`;
  });
  return texts.join('\n\n');
}
