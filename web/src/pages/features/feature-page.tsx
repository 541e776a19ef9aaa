/** @file One feature: where it is active, how strongly, and which tokens it raises. */
import { useCallback, useState } from 'react';
import { cividis, featureColour } from '../../../../src/pictures/colours.ts';
import { fixed, percent } from '../../../../src/pictures/scale.ts';
import { histogramPicture } from '../../../../src/pictures/small.ts';
import { useAsk } from '../../api/client.ts';
import type { FeatureDetail } from '../../api/types.ts';
import { Link, paths } from '../../router.tsx';
import { siteName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { useDark } from '../../ui/theme.tsx';
import { TokenChip, TokenText } from '../../ui/tokens.tsx';
import { Failed, Told } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';

export function FeaturePage({ site, id }: { site: string; id: number }) {
  const [again, retry] = useState(0);
  const asked = useAsk<FeatureDetail>(`/api/features/${encodeURIComponent(site)}/${id}`, again);
  if (asked.status === 'failed') return <Failed error={asked.error} retry={() => retry(again + 1)} />;
  if (!asked.value) return <Told title="Reading the feature …" />;
  return <Detail feature={asked.value} />;
}

function Detail({ feature }: { feature: FeatureDetail }) {
  const { site, id } = feature;
  const draw = useCallback(
    (width: number) =>
      histogramPicture(
        feature.histogram,
        { width, height: 190 },
        'How often the feature is active how strongly',
        'activation',
      ),
    [feature],
  );
  const most = Math.max(
    1e-9,
    ...[...feature.promoted, ...feature.suppressed].map((one) => Math.abs(one.effect)),
  );
  return (
    <>
      <p className="crumbs small">
        <Link to={paths.features(site)}>Features at {siteName(site)}</Link>
      </p>
      <h1 className="feature-title">
        <i style={{ background: featureColour(site, id) }} /> Feature {id}
        <span className="mono small soft">{site}</span>
      </h1>
      <p className="lead">
        Active on {percent(feature.frequency, feature.frequency < 0.01 ? 3 : 1)} of tokens, at most{' '}
        {fixed(feature.maxActivation, 1)} strong.
      </p>
      <div className="feature-columns">
        <section>
          <h2>Where it is most active</h2>
          <ActivationLegend most={feature.maxActivation} />
          {feature.passages.length === 0 ? (
            <Told title="It was never active">
              <p>On the text that was read this feature stayed at zero (a dead feature).</p>
            </Told>
          ) : (
            <ol className="passages">
              {feature.passages.map((passage, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
                <li key={i}>
                  <TokenText
                    tokens={passage.tokens}
                    activations={passage.activations}
                    most={feature.maxActivation}
                  />
                  <p className="small soft">
                    {passage.document} · up to {fixed(Math.max(...passage.activations), 1)}
                  </p>
                </li>
              ))}
            </ol>
          )}
        </section>
        <aside>
          <h3>How strongly, how often</h3>
          <Picture draw={draw} least={200} />
          <h3>Tokens it raises</h3>
          <p className="small soft">
            Direct effect on each <Word term="logit" /> when the feature is one unit stronger.
          </p>
          <TokenBars effects={feature.promoted} most={most} />
          <h3 className="gap-above">Tokens it lowers</h3>
          <TokenBars effects={feature.suppressed} most={most} />
        </aside>
      </div>
    </>
  );
}

/** Tokens with the size of their effect. */
function TokenBars({ effects, most }: { effects: FeatureDetail['promoted']; most: number }) {
  if (effects.length === 0) return <p className="soft">None.</p>;
  return (
    <ul className="promoted">
      {effects.map((one, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: tokens may repeat in print
        <li key={i}>
          <TokenChip token={one.text} />
          <span className="bar">
            <span
              style={{
                width: `${(100 * Math.abs(one.effect)) / most}%`,
                background: one.effect >= 0 ? 'var(--towards)' : 'var(--against)',
              }}
            />
          </span>
          <span className="n">{fixed(one.effect, 2)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What the background of a token means. */
export function ActivationLegend({ most }: { most: number }) {
  const dark = useDark();
  const stops = Array.from({ length: 8 }, (_, i) => {
    const t = i / 7;
    return `rgb(${cividis(dark ? 0.12 + 0.88 * t : 1 - 0.9 * t).join(' ')} / ${Math.min(1, 0.25 + t * 1.6)})`;
  });
  return (
    <p className="legend">
      <span>
        <Word term="activation" /> 0
        <i className="ramp" style={{ background: `linear-gradient(90deg, ${stops.join(',')})` }} />
        {fixed(most, 1)}
      </span>
    </p>
  );
}
