/** @file The thumbnail of one part of the journey, from its results. */

import { type ReactNode, useMemo } from 'react';
import {
  barsThumb,
  budgetThumb,
  circuitThumb,
  curvesThumb,
  dumbbellThumb,
  textThumb,
} from '../../../../src/pictures/thumbs.ts';
import type { Stage, StudyResults } from '../../api/types.ts';
import { leansOf, mainCircuit, mainEnergy } from './main-results.ts';

function draw(stage: Stage, results: StudyResults): string {
  const { model, text, dictionaries, edit } = results;
  switch (stage) {
    case 'model':
      return model?.examples[0] ? barsThumb(model.examples[0].tokens.map((token) => token.probability)) : '';
    case 'text':
      return text ? textThumb(Math.max(0, ...text.leftOut.map((one) => one.share))) : '';
    case 'features':
      return dictionaries.length > 0
        ? curvesThumb(dictionaries.map((one) => one.curve.map((p) => p.fve)))
        : '';
    case 'circuit': {
      const circuit = mainCircuit(results);
      return circuit ? circuitThumb(circuit) : '';
    }
    case 'energy': {
      const energy = mainEnergy(results);
      return energy
        ? budgetThumb(
            energy.budget.map((row) => ({
              features: row.features / row.deltaM,
              errors: row.errors / row.deltaM,
            })),
          )
        : '';
    }
    case 'edit':
      return edit ? dumbbellThumb(leansOf(edit)) : '';
  }
}

/** Drawn again only when the results change. */
export function Thumbnail({ stage, results }: { stage: Stage; results: StudyResults }): ReactNode {
  const svg = useMemo(() => draw(stage, results), [stage, results]);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: our own SVG; every text in it is escaped by el() and text()
  return <span className="thumb" dangerouslySetInnerHTML={{ __html: svg }} />;
}
