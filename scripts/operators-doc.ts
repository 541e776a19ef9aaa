/** @file Writes docs/operators.md from the table of rules. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jvp } from '../src/autodiff/jvp.ts';
import type { Rule } from '../src/autodiff/rule.ts';
import { families } from '../src/autodiff/rules/table.ts';
import { vjp } from '../src/autodiff/vjp.ts';
import { GraphError } from '../src/core/errors.ts';
import type { Graph } from '../src/graph/types.ts';
import { cases } from '../test/autodiff/cases/all.ts';
import { graphOf, twiceReverse } from '../test/autodiff/support.ts';

const introduction = `# Operators

Written by \`scripts/operators-doc.ts\` from the rules in \`src/autodiff/rules/\`; a test keeps it up to date.

**Forward**: onnxruntime runs any ONNX operator it knows. **vjp** (reverse), **jvp** (forward) and **second** derivatives
are rewrites of the graph; each rule is tested against PyTorch's gradients, central differences, ⟨λ, Jv⟩ = ⟨Jᵀλ, v⟩, and
differences of its own gradient: to 1e-7 in float64 where onnxruntime has the kernels, else to 1e-4 in float32. "second" says
that jvp of vjp and vjp of vjp were both built for every test case of the operator (this page) and run (the tests). "taken
apart" means that the operator is replaced by simpler ones before it is differentiated. Operators of onnxruntime's own domain
are written \`com.microsoft:Name\`.

Operator sets 7 to 17 are rewritten as set 18 first, so that their operators mean what is listed here. An operator that is
not listed stops a derivative with the error \`graph.no-rule\`, which names it and the path from the
metric. To add one: write its rule in the file of its family, its shape in \`src/graph/shape-rules/\`, a case in
\`test/autodiff/cases/\`, and run \`npx tsx scripts/operators-doc.ts\`.
`;

/** Whether something can be built. */
function builds(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (error instanceof GraphError) return false;
    throw error;
  }
}

/** What can be derived from every case of an operator: tried here; test/autodiff/rules.test.ts runs the same. */
function derivable(name: string): { vjp: boolean; jvp: boolean; second: boolean } {
  const specs = Object.values(cases[name] ?? {});
  const all = (make: (graph: Graph, wrt: string[]) => unknown, higher = false) => {
    const chosen = specs.filter((spec) => !(higher && spec.firstOrder));
    return (
      chosen.length > 0 &&
      chosen.every((spec) => builds(() => make(graphOf(spec, 'float64'), Object.keys(spec.inputs))))
    );
  };
  const reverse = (graph: Graph, wrt: string[]) => vjp(graph, { of: 'result', wrt, cotangent: 'input' });
  return {
    vjp: all(reverse),
    jvp: all((graph, wrt) => jvp(graph, { of: ['result'], wrt })),
    second: all((graph, wrt) => {
      const first = reverse(graph, wrt);
      jvp(first, { of: wrt.map((x) => `grad:${x}`), wrt });
      twiceReverse(first, wrt);
    }, true),
  };
}

const cells = (name: string, rule: Rule): string => {
  if (rule.kind === 'stop') return 'zero | zero | zero';
  const found = derivable(name);
  const first = rule.kind === 'lower' ? 'taken apart' : 'yes';
  return [found.vjp ? first : 'no', found.jvp ? first : 'no', found.second ? 'yes' : 'no'].join(' | ');
};

/** The whole page. */
export function operatorsPage(): string {
  const names = Object.values(families).flatMap((family) => Object.keys(family));
  const sections = Object.entries(families).map(([title, rules]) => {
    const rows = Object.entries(rules)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, rule]) => `| ${name} | ${cells(name, rule)} | ${rule.note ?? ''} |`);
    return `## ${title}\n\n| operator | vjp | jvp | second | note |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${introduction}\n${names.length} operators.\n\n${sections.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/operators.md', import.meta.url), operatorsPage());
}
