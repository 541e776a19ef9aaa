/** @file Opens a page in the user's browser, and never fails: the address is printed anyway. */
import { spawn } from 'node:child_process';
import { platform } from 'node:os';

/** Opens `url` with the system's own opener. */
export function openBrowser(url: string): void {
  const [command, ...args] =
    platform() === 'darwin'
      ? ['open', url]
      : platform() === 'win32'
        ? ['cmd', '/c', 'start', '""', url]
        : ['xdg-open', url];
  const opener = spawn(command as string, args, { stdio: 'ignore', detached: true });
  opener.on('error', () => {});
  opener.unref();
}
