/** @file A feature's name and its own colour, the same on every page. */
import { cutLabel } from '../../../src/pictures/budget.ts';
import { featureColour } from '../../../src/pictures/colours.ts';
import { point } from '../frame/selection.ts';
import { Link, paths } from '../router.tsx';
import { TokenChip } from './tokens.tsx';

export { cutLabel as siteName };

/** A link to the feature; pointing at it shows it in the inspector. */
export function FeatureName({
  site,
  feature,
  label,
  withSite = true,
}: {
  site: string;
  feature: number;
  label?: string;
  withSite?: boolean;
}) {
  return (
    <Link
      to={paths.feature(site, feature)}
      className="feature"
      onPoint={(on) => point(on ? { kind: 'feature', site, id: feature } : undefined)}
    >
      <i style={{ background: featureColour(site, feature) }} />
      <span className="id">{feature}</span>
      {withSite && <span className="soft small">{cutLabel(site)}</span>}
      {label && <TokenChip token={label} />}
    </Link>
  );
}
