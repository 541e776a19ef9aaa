/** @file The pictures of docs/mechanics.md and docs/superposition.md, each made by the command that stands there: all, or one page's. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';

const only = process.argv[2];
for (const page of ['mechanics', 'superposition'].filter((name) => only === undefined || name === only)) {
  mkdirSync(`docs/pictures/${page}`, { recursive: true });
  const text = readFileSync(`docs/${page}.md`, 'utf8');
  for (const [, command] of text.matchAll(/^ {4}untangle (\w+ .*--(?:plot|out) docs\/.*)$/gm)) {
    console.error(`untangle ${command}`);
    execFileSync('npm', ['run', '-s', 'untangle', '--', ...command!.split(' ')], {
      stdio: ['ignore', 'ignore', 2],
    });
  }
}
