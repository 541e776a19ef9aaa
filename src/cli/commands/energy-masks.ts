/** @file `untangle energy circuit`: a circuit chosen by masks that move under energy, beside other ways at equal size. */
import { type Command, Option } from 'commander';
import type { MaskCircuitResult } from '../../energy/masks/types.ts';
import { fixed } from '../../pictures/scale.ts';
import { armWords, maskMotionPicture, maskPicture } from '../../study/energy/draw-results.ts';
import type { Io } from '../io.ts';
import { positive } from '../options.ts';
import { table } from '../table.ts';
import { addTaskOptions, keep, show, spread, type TaskOptions, taskRequestOf } from './energy-options.ts';

const size = { width: 900, height: 480 };

interface CircuitOptions extends TaskOptions {
  readonly loss: 'metric' | 'kl';
  readonly steps: number;
  readonly sizes: readonly number[];
  readonly target: number;
  readonly flow: boolean;
  readonly picture: 'sizes' | 'motion';
}

const sizesOf = (text: string): number[] => text.split(',').map(positive);

export function addMasks(energy: Command, io: Io): void {
  const command = energy
    .command('circuit')
    .summary('a circuit found by letting feature masks move under energy, beside other ways')
    .description(
      'Every feature gets a mask as a coordinate; V = loss of the task + λ × size; conformal leapfrog moves them. Beside it, at equal ' +
        'size: masks by Adam, the largest effects, the paths that carry most, chance.',
    )
    .addOption(
      new Option(
        '--loss <name>',
        'KL to the whole network, or −metric, which has no bottom: masks then push the answer further than the network does',
      )
        .choices(['kl', 'metric'])
        .default('kl'),
    )
    .addOption(new Option('--steps <number>', 'updates of the masks').default(30).argParser(positive))
    .addOption(
      new Option('--sizes <numbers>', 'sizes of circuits, e.g. 10,20,50')
        .default([10, 20, 50, 100, 200], '10,20,50,100,200')
        .argParser(sizesOf),
    )
    .addOption(
      new Option('--target <number>', 'about so many nodes are worth λ').default(200).argParser(positive),
    )
    .addOption(new Option('--no-flow', 'leave the circuit by path work out, which takes longest'))
    .addOption(
      new Option('--picture <name>', 'what --plot draws: faithfulness over size, or T, V, H of the masks')
        .choices(['sizes', 'motion'])
        .default('sizes'),
    )
    .action((options: CircuitOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { maskReport } = await import('../../study/energy/importance.ts');
          const { loss, steps, sizes, target, flow } = options;
          const chosen = { loss, steps, sizes, target, ...(flow ? {} : { flow: false as const }) };
          return keep('circuit', options, io, () => maskReport(taskRequestOf(options), chosen, context));
        },
        {
          draw: (result) =>
            options.picture === 'motion'
              ? maskMotionPicture(result.arms[0] ?? {}, size)
              : maskPicture(result, size),
          print: (result) => printMasks(result, io),
        },
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  untangle energy circuit --task agreement --examples 24 --no-flow --plot circuits.svg',
    );
  addTaskOptions(command, 24);
}

function printMasks(
  { task, arms, differences, candidates, examples, heldOutExamples, loss }: MaskCircuitResult,
  io: Io,
): void {
  io.out(
    `${task}: masks over ${candidates} nodes, loss ${loss}, ${examples} pairs to learn from, ${heldOutExamples} held out\n\n`,
  );
  const sizes = arms[0]?.points.map((point) => point.nodes) ?? [];
  io.out(
    table(
      ['way', ...sizes.map((nodes) => `${nodes} nodes`), 'gradients', 'seconds'],
      arms.map(({ name, points, gradients, seconds }) => [
        armWords(name),
        ...sizes.map((nodes) => {
          const point = points.find((one) => one.nodes === nodes);
          return point ? spread(point.faithfulness) : '';
        }),
        ...[String(gradients), fixed(seconds, 1)],
      ]),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['nodes', 'by energy minus', 'difference'],
      differences.map((one) => [String(one.nodes), armWords(one.against), spread(one.difference)]),
    ),
  );
  io.out('\nShares of the behaviour on held-out pairs, 95 % intervals; differences pair by pair.\n');
}
