/** @file Light and dark: as the system says, or as the reader chose. */
import { useSyncExternalStore } from 'react';

type Choice = 'auto' | 'light' | 'dark';
const key = 'untangle-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

const stored = (): Choice => {
  const value = localStorage.getItem(key);
  return value === 'light' || value === 'dark' ? value : 'auto';
};

function apply(choice: Choice): void {
  if (choice === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  for (const listener of listeners) listener();
}

/** Sets the stored choice on the page; call once at the start. */
export const startTheme = (): void => apply(stored());

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  system.addEventListener('change', listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener('change', listener);
  };
}

const isDark = () => (stored() === 'auto' ? system.matches : stored() === 'dark');

/** True while the page is dark. */
export const useDark = (): boolean => useSyncExternalStore(subscribe, isDark);

const next: Record<Choice, Choice> = { auto: 'light', light: 'dark', dark: 'auto' };
const names: Record<Choice, string> = { auto: 'auto', light: 'light', dark: 'dark' };

/** Turns through: as the system, light, dark. */
export function ThemeButton() {
  const choice = useSyncExternalStore(subscribe, stored);
  return (
    <button
      type="button"
      className="plain small"
      onClick={() => {
        localStorage.setItem(key, next[choice]);
        apply(next[choice]);
      }}
    >
      Theme: {names[choice]}
    </button>
  );
}
