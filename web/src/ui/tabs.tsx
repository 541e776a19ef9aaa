/** @file Links between the same page of different tasks. */
import { Link } from '../router.tsx';

export function TaskTabs({
  tasks,
  current,
}: {
  tasks: readonly { to: string; name: string; task: string }[];
  current: string;
}) {
  if (tasks.length < 2) return null;
  return (
    <nav className="tabs" aria-label="Tasks">
      {tasks.map((one) => (
        <Link key={one.task} to={one.to} current={one.task === current}>
          {one.name}
        </Link>
      ))}
    </nav>
  );
}
