/** The rooms of src/, from the ground up, and the nearest rooms each may import (docs/architecture.md). */
const nearest = {
  core: [],
  files: ['core'],
  pictures: ['core'],
  graph: ['files'],
  autodiff: ['graph'],
  runtime: ['graph'],
  data: ['graph'],
  mechanics: ['core'],
  models: ['runtime', 'autodiff', 'data'],
  networks: ['models', 'mechanics'],
  activations: ['models'],
  dictionaries: ['activations', 'networks'],
  circuits: ['dictionaries', 'networks'],
  energy: ['circuits'],
  edits: ['energy'],
  superposition: ['dictionaries', 'networks', 'pictures'],
  study: ['edits', 'superposition', 'pictures'],
  studio: ['study'],
  cli: ['study', 'studio'],
};

/** Every room that `room` may import: the nearest ones and what those may import. */
function allowed(room) {
  const seen = new Set([room]);
  const visit = (name) => {
    for (const next of nearest[name]) {
      if (!seen.has(next)) {
        seen.add(next);
        visit(next);
      }
    }
  };
  visit(room);
  return [...seen];
}

export const rooms = nearest;

export default {
  forbidden: [
    ...Object.keys(nearest).map((room) => ({
      name: `${room}-imports-only-from-below`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${allowed(room).join('|')})/` },
    })),
    {
      name: 'known-rooms-only',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(${Object.keys(nearest).join('|')})/|^src/index\\.ts$` },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs'], conditionNames: ['import', 'node', 'default'] },
    exclude: { path: '(^|/)(proto|dist)/' },
  },
};
