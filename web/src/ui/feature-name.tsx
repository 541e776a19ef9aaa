/** @file A feature's name and its own colour, the same on every page. */
import { cutLabel } from '../../../src/pictures/budget.ts';
import { featureColour } from '../../../src/pictures/colours.ts';
import { Link, paths } from '../router.tsx';
import { TokenChip } from './tokens.tsx';

/** Short name of a site: "block 11"; other sites keep their own name. */
export const siteName = (site: string): string =>
  /^blocks\.\d+\.hook_resid_(pre|post)$/.test(site) ? cutLabel(site) : site;

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
    <Link to={paths.feature(site, feature)} className="feature">
      <i style={{ background: featureColour(site, feature) }} />
      <span className="id">{feature}</span>
      {withSite && <span className="soft small">{siteName(site)}</span>}
      {label && <TokenChip token={label} />}
    </Link>
  );
}
