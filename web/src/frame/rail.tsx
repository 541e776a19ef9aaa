/** @file The rail at the left: the pages, each with the state of its part of the journey. */
import { useLive } from '../api/store.ts';
import { Link, usePlace } from '../router.tsx';
import { ThemeButton } from '../ui/theme.tsx';
import { pageList } from './pages.ts';
import { partsOf } from './steps.ts';

const words = {
  waiting: 'waiting',
  running: 'running',
  cached: 'done before',
  done: 'done',
  failed: 'failed',
};

export function Rail() {
  const { study } = useLive();
  const { path } = usePlace();
  const parts = partsOf(study?.steps ?? []);
  return (
    <nav className="rail" aria-label="Pages">
      <Link to="/" className="brand">
        <Knot /> Untangle
      </Link>
      <ul>
        {pageList.map((page) => {
          const current = page.path === '/' ? path === '/' : path.startsWith(page.path);
          const part = parts.find((one) => one.stage === page.stage);
          return (
            <li key={page.path}>
              <Link to={page.path} current={current}>
                {page.name}
                {part && (
                  <>
                    <span className="hidden">({words[part.status]})</span>
                    <span className={`mark ${part.status}`} title={words[part.status]} />
                  </>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
      <footer>
        <ThemeButton />
      </footer>
    </nav>
  );
}

const Knot = () => (
  <svg
    width="22"
    height="22"
    viewBox="0 0 22 22"
    aria-hidden="true"
    fill="none"
    strokeWidth="2"
    strokeLinecap="round"
  >
    <path d="M2 5c8 0 6 12 18 12" stroke="var(--c0)" />
    <path d="M2 11h4m10 0h4" stroke="var(--ink)" />
    <path d="M2 17c8 0 6-12 18-12" stroke="var(--c4)" />
  </svg>
);
