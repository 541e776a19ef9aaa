/** @file The pictures of docs/mechanics.md, each made by the command that stands under it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';

const page = readFileSync('docs/mechanics.md', 'utf8');
mkdirSync('docs/pictures/mechanics', { recursive: true });
for (const [, command] of page.matchAll(/^ {4}untangle (mechanics .*--plot .*)$/gm)) {
  console.error(`untangle ${command}`);
  execFileSync('npm', ['run', '-s', 'untangle', '--', ...command!.split(' ')], {
    stdio: ['ignore', 'ignore', 2],
  });
}
