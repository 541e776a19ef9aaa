/** @file Graphs for the tests of exchange: one that stays the same, and any. */
import fc from 'fast-check';
import type { PortableGraph, PortableNode } from '../../../src/circuits/exchange/portable.ts';

/** Two sites of one block, an error node, tokens, an output. */
export const small: PortableGraph = {
  name: 'agreement',
  model: 'toy',
  prompt: 'The keys near the "cabinet"',
  tokens: ['The', ' keys', ' near', ' the', ' "cabinet"'],
  positions: ['The', 'subject', 'preposition', 'the', 'noun between'],
  sites: ['blocks.0.hook_mlp_out', 'blocks.0.hook_resid_post', 'blocks.3.hook_resid_post'],
  nodes: [
    { id: '0:1:token', kind: 'token', cut: 0, position: 1, effect: -1.5, vocabulary: 7 },
    {
      id: '1:1:f3',
      kind: 'feature',
      site: 'blocks.0.hook_mlp_out',
      cut: 1,
      position: 1,
      feature: 3,
      effect: -1,
      activation: 2,
      activationPatch: 0,
      attributionPatching: -0.75,
      label: 'plural nouns\n& "things"',
    },
    {
      id: '2:1:f3',
      kind: 'feature',
      site: 'blocks.0.hook_resid_post',
      cut: 2,
      position: 1,
      feature: 3,
      effect: 0.25,
    },
    { id: '4:4:err', kind: 'error', site: 'blocks.3.hook_resid_post', cut: 4, position: 4, effect: -0.75 },
    { id: 'output', kind: 'output', cut: 5, position: 4, effect: -1.5, vocabulary: 12 },
  ],
  edges: [
    { source: '0:1:token', target: '1:1:f3', weight: 1 },
    { source: '1:1:f3', target: '2:1:f3', weight: -0.25 },
    { source: '2:1:f3', target: '4:4:err', weight: 0.125 },
    { source: '4:4:err', target: 'output', weight: 0.75 },
  ],
};

const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((x) => x + 0);
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const maybe = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((v) => (v === undefined ? {} : { [key]: v }));

/** Any graph that a circuit can be. */
export const anyGraph: fc.Arbitrary<PortableGraph> = fc
  .record({
    name: text,
    model: text,
    tokens: fc.array(text, { minLength: 1, maxLength: 5 }),
    sites: fc.uniqueArray(
      fc.constantFrom(
        'hook_embed',
        'blocks.0.hook_attn_out',
        'blocks.0.hook_mlp_out',
        'blocks.0.hook_resid_post',
        'blocks.7.hook_resid_post',
      ),
      { minLength: 1 },
    ),
    chosen: fc.uniqueArray(
      fc.tuple(
        fc.constantFrom('token', 'feature', 'error'),
        fc.nat(4),
        fc.nat(4),
        fc.nat(100_000),
        number,
        fc
          .tuple(
            maybe('activation', number),
            maybe('activationPatch', number),
            maybe('attributionPatching', number),
            maybe('label', text),
          )
          .map((parts) => Object.assign({}, ...parts) as Partial<PortableNode>),
      ),
      {
        selector: ([kind, site, position, feature]) => `${kind}/${site}/${position}/${feature}`,
        maxLength: 12,
      },
    ),
    weights: fc.array(fc.tuple(fc.nat(12), fc.nat(12), number), { maxLength: 20 }),
  })
  .map(({ name, model, tokens, sites, chosen, weights }) => {
    const nodes = new Map<string, PortableNode>();
    for (const [kind, s, p, feature, effect, more] of chosen) {
      const position = p % tokens.length;
      const cut = kind === 'token' ? 0 : (s % sites.length) + 1;
      const site = kind === 'token' ? {} : { site: sites[cut - 1]! };
      const own = kind === 'feature' ? { feature } : kind === 'token' ? { vocabulary: feature } : {};
      const tag = kind === 'feature' ? `f${feature}` : kind === 'error' ? 'err' : 'token';
      const id = `${cut}:${position}:${tag}`;
      nodes.set(id, {
        id,
        kind: kind as PortableNode['kind'],
        cut,
        position,
        effect,
        ...site,
        ...own,
        ...more,
      });
    }
    nodes.set('output', {
      id: 'output',
      kind: 'output',
      cut: sites.length + 1,
      position: tokens.length - 1,
      effect: -1,
    });
    const ids = [...nodes.keys()];
    const edges = new Map(
      weights.map(([a, b, weight]) => {
        const [source, target] = [ids[a % ids.length]!, ids[b % ids.length]!];
        return [`${source}>${target}`, { source, target, weight }];
      }),
    );
    return {
      name,
      model,
      prompt: tokens.join(''),
      tokens,
      positions: tokens.map((_, i) => `position ${i}`),
      sites,
      nodes: [...nodes.values()],
      edges: [...edges.values()],
    };
  });
