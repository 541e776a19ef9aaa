/** @file What is selected (in the address) and what is pointed at (passing): one inspector shows either. */
import { useSyncExternalStore } from 'react';
import { navigate, withQuery } from '../router.tsx';

/** Something the inspector can show. */
export type Selected =
  | { kind: 'feature'; site: string; id: number }
  | { kind: 'node'; task: string; id: string }
  | { kind: 'edge'; task: string; source: string; target: string };

const divider = '~';

/** As one field of the address. */
export function writeSelected(selected: Selected): string {
  switch (selected.kind) {
    case 'feature':
      return ['feature', selected.site, selected.id].join(divider);
    case 'node':
      return ['node', selected.task, selected.id].join(divider);
    case 'edge':
      return ['edge', selected.task, selected.source, selected.target].join(divider);
  }
}

/** Reads the field again; undefined when it is not one of ours. */
export function readSelected(text: string | null | undefined): Selected | undefined {
  const [kind, first, second, third] = (text ?? '').split(divider);
  if (!first || second === undefined) return undefined;
  if (kind === 'feature' && /^\d+$/.test(second)) return { kind, site: first, id: Number(second) };
  if (kind === 'node') return { kind, task: first, id: second };
  if (kind === 'edge' && third) return { kind, task: first, source: second, target: third };
  return undefined;
}

let pointed: Selected | undefined;
const listeners = new Set<() => void>();

/** Says what the pointer (or the keyboard) is on. */
export function point(selected: Selected | undefined): void {
  pointed = selected;
  for (const listener of listeners) listener();
}

/** What is pointed at. */
export const usePointed = (): Selected | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => pointed,
  );

/** Pins a selection into the address; undefined lets go. */
export const pin = (selected: Selected | undefined): void =>
  navigate(withQuery({ sel: selected && writeSelected(selected) }), { replace: true });

/** What is pointed at, now. */
export const nowPointed = (): Selected | undefined => pointed;
