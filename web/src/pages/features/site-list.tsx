/** @file All features of one site: searched and sorted by the server, only the rows in view in the page. */
import { useEffect, useState } from 'react';
import { fixed, percent } from '../../../../src/pictures/scale.ts';
import { useFeaturePages } from '../../api/feature-pages.ts';
import type { DictionaryResult, FeatureRow, FeatureSort } from '../../api/types.ts';
import { paths, useQuery } from '../../router.tsx';
import { FeatureName, siteName } from '../../ui/feature-name.tsx';
import { count } from '../../ui/numbers.tsx';
import { TaskTabs } from '../../ui/tabs.tsx';
import { TokenChip } from '../../ui/tokens.tsx';
import { Failed, Told } from '../../ui/told.tsx';
import { VirtualList } from '../../ui/virtual-list.tsx';
import { Word } from '../../ui/word.tsx';

const sorts: readonly { key: FeatureSort; name: string }[] = [
  { key: 'max', name: 'strongest activation' },
  { key: 'frequency', name: 'most often active' },
  { key: 'id', name: 'number' },
];

export function SiteList({
  site,
  dictionaries,
}: {
  site: string;
  dictionaries: readonly DictionaryResult[];
}) {
  const [q, setQ] = useQuery('q');
  const [sort, setSort] = useQuery('sort', 'max');
  const pages = useFeaturePages(
    site,
    sorts.some((one) => one.key === sort) ? (sort as FeatureSort) : 'max',
    q,
  );
  const dictionary = dictionaries.find((one) => one.site === site);
  return (
    <>
      <h1>Features at {siteName(site)}</h1>
      <TaskTabs
        tasks={dictionaries.map((one) => ({
          to: paths.features(one.site),
          name: siteName(one.site),
          task: one.site,
        }))}
        current={site}
      />
      {dictionary && <Scores dictionary={dictionary} />}
      <div className="tools">
        <SearchField value={q} onChange={setQ} />
        <label>
          <span className="soft">Sort by </span>
          <select value={sort} onChange={(event) => setSort(event.target.value)}>
            {sorts.map((one) => (
              <option key={one.key} value={one.key}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <span className="soft" role="status">
          {pages.total === undefined ? '' : `${count(pages.total)} features`}
        </span>
      </div>
      {pages.error ? (
        <Failed error={pages.error} />
      ) : pages.total === 0 ? (
        <Told title="No feature matches">
          <p>
            Search looks through the tokens that a feature raises, and feature numbers. Try a shorter piece of
            a word.
          </p>
        </Told>
      ) : (
        <>
          <div className="feature-row head" aria-hidden="true">
            <span>feature</span>
            <span>most active on</span>
            <span>raises</span>
            <span className="n">how often</span>
            <span className="n">strongest</span>
          </div>
          <VirtualList
            length={pages.total ?? 0}
            rowHeight={36}
            label={`Features at ${siteName(site)}`}
            onView={pages.want}
            render={(index) => <Row site={site} row={pages.row(index)} />}
          />
        </>
      )}
    </>
  );
}

function Row({ site, row }: { site: string; row: FeatureRow | undefined }) {
  if (!row) return <div className="feature-row soft">…</div>;
  return (
    <div className="feature-row">
      <FeatureName site={site} feature={row.id} withSite={false} />
      <Chips tokens={row.firesOn} />
      <Chips tokens={row.topTokens.slice(0, 5)} />
      <span className="n">{percent(row.frequency, row.frequency < 0.01 ? 3 : 1)}</span>
      <span className="n">{fixed(row.maxActivation, 1)}</span>
    </div>
  );
}

const Chips = ({ tokens }: { tokens: readonly string[] }) => (
  <span className="chips">
    {tokens.map((token, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: tokens may repeat and never move
      <TokenChip key={i} token={token} />
    ))}
  </span>
);

/** Typing is answered after a short rest. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), 200);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <input
      className="field"
      type="search"
      aria-label="Search features of this site"
      placeholder="a token, or a number"
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}

const Scores = ({ dictionary }: { dictionary: DictionaryResult }) => (
  <dl className="facts">
    <div>
      <dt>
        <Word term="fve" />
      </dt>
      <dd>
        {percent(dictionary.fve, 1)}
        <small>the mean alone: 0 %</small>
      </dd>
    </div>
    <div>
      <dt>
        <Word term="l0" />
      </dt>
      <dd>
        {fixed(dictionary.l0, 1)}
        <small>of {count(dictionary.features)} features</small>
      </dd>
    </div>
    <div>
      <dt>
        <Word term="ceRecovered" />
      </dt>
      <dd>
        {percent(dictionary.ceRecovered, 1)}
        <small>
          {fixed(dictionary.ce.clean, 2)} clean, {fixed(dictionary.ce.spliced, 2)} with features,{' '}
          {fixed(dictionary.ce.meanAblated, 2)} by the mean
        </small>
      </dd>
    </div>
    <div>
      <dt>
        <Word term="dead" />
      </dt>
      <dd>{percent(dictionary.dead, 1)}</dd>
    </div>
  </dl>
);
