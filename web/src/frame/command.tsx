/** @file The command that reproduces what is on the screen, to copy. */
import { useEffect, useState } from 'react';
import { useLive } from '../api/store.ts';
import { usePlace } from '../router.tsx';

/** Text made safe for a POSIX shell. */
export const quote = (text: string): string =>
  /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;

/** The command that makes the study and opens it at `view`. */
export const commandFor = (command: string, view: string): string =>
  view === '/' ? command : `${command} --view ${quote(view)}`;

export function Command() {
  const { study } = useLive();
  const { path, query } = usePlace();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  if (!study?.command) return <div className="command" />;
  const search = query.toString();
  const text = commandFor(study.command, search ? `${path}?${search}` : path);
  return (
    <div className="command">
      <code title={text}>{text}</code>
      <button
        type="button"
        className="small"
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
        aria-label="Copy the command that reproduces this screen"
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
