/** @file The tokens on which a feature is most active, asked for when shown. */
import { useAsk } from '../api/client.ts';
import type { FeatureDetail } from '../api/types.ts';
import { TokenChip } from './tokens.tsx';

export function FiresOn({ site, feature }: { site: string; feature: number }) {
  const asked = useAsk<FeatureDetail>(`/api/features/${encodeURIComponent(site)}/${feature}`);
  return (
    <span className="chips">
      {asked.value?.firesOn.slice(0, 4).map((token) => (
        <TokenChip key={token} token={token} />
      ))}
    </span>
  );
}
