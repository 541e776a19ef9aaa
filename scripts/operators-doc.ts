/** @file Writes docs/operators.md from the table of rules. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Rule } from '../src/autodiff/rule.ts';
import { families } from '../src/autodiff/rules/table.ts';

const introduction = `# Operators

Written by \`scripts/operators-doc.ts\` from the rules in \`src/autodiff/rules/\`; a test keeps it up to date.

**Forward**: onnxruntime runs any ONNX operator it knows. **vjp** (reverse), **jvp** (forward) and **second** derivatives
are rewrites of the graph; each rule is tested against central differences, ⟨λ, Jv⟩ = ⟨Jᵀλ, v⟩, and differences of its own
gradient, in float64 where onnxruntime has the kernels. "taken apart" means that the operator is replaced by simpler ones
before it is differentiated. Operators of onnxruntime's own domain are written \`com.microsoft:Name\`.

An operator that is not listed stops a derivative with the error \`graph.no-rule\`, which names it and the path from the
metric. To add one: write its rule in the file of its family, its shape in \`src/graph/shape-rules/\`, a case in
\`test/autodiff/rules.test.ts\`, and run \`npx tsx scripts/operators-doc.ts\`.
`;

const cells = (rule: Rule): string => {
  if (rule.kind === 'stop') return 'zero | zero | zero';
  return rule.kind === 'lower' ? 'taken apart | taken apart | yes' : 'yes | yes | yes';
};

/** The whole page. */
export function operatorsPage(): string {
  const names = Object.values(families).flatMap((family) => Object.keys(family));
  const sections = Object.entries(families).map(([title, rules]) => {
    const rows = Object.entries(rules)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, rule]) => `| ${name} | ${cells(rule)} | ${rule.note ?? ''} |`);
    return `## ${title}\n\n| operator | vjp | jvp | second | note |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${introduction}\n${names.length} operators.\n\n${sections.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/operators.md', import.meta.url), operatorsPage());
}
