/** @file What a command has left in the workspace: asked for, shown, or told what makes it. */
import type { ReactNode } from 'react';
import { useAsk } from '../../api/client.ts';
import type { SavedKind } from '../../api/types.ts';
import { Failed, Told } from '../../ui/told.tsx';

/** The last result of `untangle energy KIND`, or what to run for one. */
export function Saved<Result>({
  kind,
  title,
  says,
  children,
}: {
  kind: SavedKind;
  title: string;
  says: ReactNode;
  children: (result: Result) => ReactNode;
}) {
  const asked = useAsk<{ readonly result: Result | null }>(`/api/energy/${kind}`);
  if (asked.status === 'loading') return <Told title="Looking into the workspace …" />;
  if (asked.status === 'failed') return <Failed error={asked.error} />;
  if (asked.value.result !== null) return <>{children(asked.value.result)}</>;
  return (
    <Told title={`${title}: not there yet`}>
      <p>{says} It takes longer than a study should, so a command of its own does it:</p>
      <code>untangle energy {kind}</code>
      <p>Its result stays in the workspace, and this page shows it.</p>
    </Told>
  );
}
