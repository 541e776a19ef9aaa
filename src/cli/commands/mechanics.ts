/** @file `untangle mechanics`: pendulums, planets and the methods that move them, from the command line. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { giveWay, UsageError } from '../../core/errors.ts';
import { stateOf } from '../../mechanics/build.ts';
import { integrateInterruptibly } from '../../mechanics/integrate.ts';
import { integratorNamed, integrators } from '../../mechanics/integrators/registry.ts';
import { type SystemEntry, systemNamed, systems } from '../../mechanics/systems/registry.ts';
import { compareMethods } from '../../study/mechanics/compare.ts';
import { energyPicture, orderPicture, phasePortrait, poincarePicture } from '../../study/mechanics/draw.ts';
import { type MeasuredOrder, measuredOrders, orderMethods } from '../../study/mechanics/orders.ts';
import { reportOf } from '../../study/mechanics/report.ts';
import { sectionOrbits } from '../../study/mechanics/section.ts';
import { sectionOf } from '../../study/mechanics/views.ts';
import { type Io, printJson } from '../io.ts';
import { aboveZero, addGlobalOptions, type GlobalOptions, positive, real } from '../options.ts';
import { type Plot, plot, plotOption } from '../plot.ts';
import { table } from '../table.ts';
import { checkAction } from './check.ts';

/** How often a step is halved. */
function halvings(text: string): number {
  const value = positive(text);
  if (value <= 12) return value;
  throw new InvalidArgumentError(
    'It must be 12 or less: each halving doubles the steps, and errors soon reach rounding.',
  );
}

/** Samples that a run keeps: with more steps, only every n-th is recorded. */
const SAMPLES = 1_000_000;

/** Numbers with commas between them. */
const reals = (text: string): number[] => text.split(',').map(real);

const size = { width: 760, height: 460 };

const short = (value: number) => (Number.isFinite(value) ? value.toExponential(2) : '–');

export function addMechanics(program: Command, io: Io): void {
  const mechanics = program
    .command('mechanics')
    .summary('pendulums, planets, and methods that keep their energy')
    .description(
      'Hamiltonian mechanics without a network: moves a built-in system by a method of your choice, checks what the ' +
        'method promises, compares methods at equal cost, and draws phase portraits. docs/mechanics.md begins at the pendulum.',
    );
  addList(mechanics, io);
  addRun(mechanics, io);
  addCompare(mechanics, io);
  addOrder(mechanics, io);
  addSection(mechanics, io);
  const check = mechanics
    .command('check')
    .summary('check the promises of the methods on this machine')
    .description('Orders, symplecticity, reversibility, invariants and known periods, each against its bar.')
    .action((options: GlobalOptions) => checkAction('mechanics', options, io))
    .addHelpText('after', '\nExample:\n  untangle mechanics check --json');
  addGlobalOptions(check);
}

function addList(mechanics: Command, io: Io): void {
  const command = mechanics
    .command('list')
    .summary('the built-in systems and methods')
    .action((options: GlobalOptions) => {
      const methods = [...integrators.values()].map((method) => ({
        name: method.name,
        order: method.order,
        symplectic: method.symplectic,
        symmetric: method.symmetric,
        needs: method.needs,
        forcesPerStep: method.forcesPerStep,
        reference: method.reference,
      }));
      const all = [...systems.values()].map(({ name, about, step, integrator }) => ({
        name,
        about,
        step,
        integrator,
      }));
      if (options.json) return printJson(io, { systems: all, integrators: methods });
      io.out(
        table(
          ['system', 'what it is', 'step', 'usual method'],
          all.map((s) => [s.name, s.about, String(s.step), s.integrator]),
        ),
      );
      io.out('\n');
      io.out(
        table(
          ['integrator', 'order', 'keeps', 'moves', 'forces'],
          methods.map((m) => [
            m.name,
            String(m.order),
            [m.symplectic ? 'symplectic' : '', m.symmetric ? 'symmetric' : ''].filter(Boolean).join(', '),
            m.needs,
            String(m.forcesPerStep),
          ]),
        ),
      );
    })
    .addHelpText('after', '\nExample:\n  untangle mechanics list --json');
  addGlobalOptions(command);
}

interface RunOptions extends Plot {
  readonly integrator?: string;
  readonly steps: number;
  readonly dt?: number;
  readonly q?: readonly number[];
  readonly p?: readonly number[];
  readonly picture: 'phase' | 'energy';
}

function startOf(entry: SystemEntry, { q, p }: Pick<RunOptions, 'q' | 'p'>) {
  const usual = entry.start();
  return stateOf(q ?? usual.q, p ?? usual.p);
}

function addRun(mechanics: Command, io: Io): void {
  const command = mechanics
    .command('run')
    .summary('move a system and see what its energy does')
    .argument('<system>', 'a name from `mechanics list`')
    .addOption(new Option('--integrator <name>', 'the method (default: what suits the system)'))
    .addOption(
      new Option('--steps <number>', 'how many steps (beyond a million, every n-th is recorded)')
        .default(1000)
        .argParser(positive),
    )
    .addOption(
      new Option('--dt <number>', 'length of a step (default: what suits the system)').argParser(real),
    )
    .addOption(new Option('--q <numbers>', 'where it starts, e.g. 1.5 or 0,0.1').argParser(reals))
    .addOption(new Option('--p <numbers>', 'its momentum at the start').argParser(reals))
    .addOption(plotOption())
    .addOption(
      new Option('--picture <kind>', 'what --plot draws').choices(['phase', 'energy']).default('phase'),
    )
    .action(async (name: string, options: RunOptions) => {
      const entry = systemNamed(name);
      const method = integratorNamed(options.integrator ?? entry.integrator);
      const system = entry.make();
      const run = await integrateInterruptibly(system, method, startOf(entry, options), {
        step: options.dt ?? entry.step,
        steps: options.steps,
        every: Math.ceil(options.steps / SAMPLES),
        signal: io.signal,
      });
      await plot(
        options.plot,
        () =>
          options.picture === 'phase'
            ? phasePortrait(entry, system, [{ run }], size)
            : energyPicture([{ run }], size),
        io,
      );
      const report = reportOf(run, system, method, options.steps);
      if (options.json) return printJson(io, report);
      const { energy, final } = report;
      io.out(
        table(
          [entry.name, method.name],
          [
            ['time', `${final.t.toPrecision(6)} in ${options.steps} steps of ${report.step}`],
            ['energy', `${energy.start.toPrecision(12)} → ${energy.end.toPrecision(12)}`],
            // With friction the energy is meant to change.
            [`largest relative ${system.kind === 'damped' ? 'change' : 'error'}`, short(energy.worst)],
            ['first and last tenth', `${short(energy.firstTenth)}, ${short(energy.lastTenth)}`],
            ['drift per unit of time', `${short(energy.trend)} ± ${short(energy.trendError)}`],
            ['q', final.q.map((x) => x.toPrecision(8)).join('  ')],
            ['p', final.p.map((x) => x.toPrecision(8)).join('  ')],
          ],
        ),
      );
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle mechanics run pendulum --integrator leapfrog-kdk --steps 1000 --dt 0.1 --plot pendulum.svg\n' +
        '  untangle mechanics run kepler --integrator rk4 --steps 20000 --picture energy --plot drift.png\n' +
        '  untangle mechanics run pendulum --q 3.1 --json',
    );
  addGlobalOptions(command);
}

function addCompare(mechanics: Command, io: Io): void {
  const command = mechanics
    .command('compare')
    .summary('all methods on one system at equal cost')
    .argument('<system>', 'a name from `mechanics list`')
    .addOption(
      new Option('--budget <number>', 'force evaluations that each method may spend')
        .default(20_000)
        .argParser(positive),
    )
    .addOption(
      new Option('--time <number>', 'how long (default: 500 steps of the system)').argParser(aboveZero),
    )
    .addOption(new Option('--only <names...>', 'only these methods'))
    .addOption(plotOption())
    .action(
      async (name: string, options: Plot & { budget: number; time?: number; only?: readonly string[] }) => {
        const entry = systemNamed(name);
        const only = options.only?.map((one) => integratorNamed(one).name);
        const rows = await compareMethods(entry, {
          budget: options.budget,
          time: options.time ?? 500 * entry.step,
          signal: io.signal,
          ...(only ? { only } : {}),
        });
        await plot(
          options.plot,
          () => energyPicture(rows.flatMap(({ run }) => (run ? [{ run }] : [])).slice(0, 6), size),
          io,
        );
        if (options.json) {
          return printJson(
            io,
            rows.map(({ run: _, ...row }) => row),
          );
        }
        io.out(
          table(
            ['integrator', 'order', 'symplectic', 'step', 'forces', 'largest error', 'last tenth'],
            rows.map((row) => [
              row.integrator,
              String(row.order),
              row.symplectic ? 'yes' : 'no',
              row.step.toPrecision(3),
              row.failed ? '' : String(row.forces),
              row.failed ?? short(row.worst),
              short(row.atEnd),
            ]),
          ),
        );
      },
    )
    .addHelpText(
      'after',
      '\nErrors are relative to the energy at the start, over the whole run and over its last tenth: a method without\n' +
        'drift has about the same in both.\n\nExample:\n  untangle mechanics compare kepler --budget 120000 --time 628.3',
    );
  addGlobalOptions(command);
}

function addOrder(mechanics: Command, io: Io): void {
  const command = mechanics
    .command('order')
    .summary('how fast the error falls with the step')
    .argument('<system>', 'a name from `mechanics list`')
    .addOption(new Option('--integrators <names...>', 'the methods (default: some that suit the system)'))
    .addOption(
      new Option('--time <number>', 'how long (default: 100 steps of the system)').argParser(aboveZero),
    )
    .addOption(
      new Option('--halvings <number>', 'how often the step is halved').default(4).argParser(halvings),
    )
    .addOption(plotOption())
    .action(
      async (
        name: string,
        options: Plot & { integrators?: readonly string[]; time?: number; halvings: number },
      ) => {
        const entry = systemNamed(name);
        const { time, halvings } = options;
        const rows: MeasuredOrder[] = [];
        for (const method of options.integrators ?? orderMethods(entry)) {
          rows.push(
            ...measuredOrders(entry, [method], { halvings, ...(time === undefined ? {} : { time }) }),
          );
          await giveWay(io.signal);
        }
        await plot(options.plot, () => orderPicture(rows, size), io);
        if (options.json) return printJson(io, rows);
        io.out(
          table(
            ['integrator', 'order', 'measured slope', 'error at the smallest step'],
            rows.map((row) => [
              row.name,
              String(row.order),
              Number.isFinite(row.slope) ? row.slope.toFixed(2) : 'round-off',
              short(row.errors.at(-1)!),
            ]),
          ),
        );
      },
    )
    .addHelpText('after', '\nExample:\n  untangle mechanics order kepler --plot order.svg');
  addGlobalOptions(command);
}

function addSection(mechanics: Command, io: Io): void {
  const command = mechanics
    .command('section')
    .summary('a Poincaré section: order and chaos at one energy')
    .argument('<system>', 'henon-heiles')
    .addOption(new Option('--energy <number>', 'energy of all orbits').argParser(real))
    .addOption(new Option('--orbits <number>', 'how many orbits').default(12).argParser(positive))
    .addOption(new Option('--time <number>', 'how long each is followed').default(1500).argParser(aboveZero))
    .addOption(new Option('--integrator <name>', 'the method').default('kahan-li-6'))
    .addOption(plotOption())
    .action(
      async (
        name: string,
        options: Plot & { energy?: number; orbits: number; time: number; integrator: string },
      ) => {
        const entry = systemNamed(name);
        const section = sectionOf(entry);
        const { energy, orbits } = sectionOrbits(entry, options);
        if (orbits.length === 0) {
          throw new UsageError('usage.invalid-value', `no orbit of ${entry.name} has the energy ${energy}`, {
            where: '--energy',
            hint: `try ${section.energy}`,
          });
        }
        await plot(options.plot, () => poincarePicture(orbits, section, { width: 640, height: 560 }), io);
        if (options.json) {
          return printJson(io, {
            system: entry.name,
            energy,
            surface: section.surface.name,
            orbits: orbits.map(({ hits, start }) => ({
              start,
              points: hits.map((hit) => [section.x(hit), section.y(hit)]),
            })),
          });
        }
        io.out(
          table(
            ['orbit', 'starts at (q, p)', 'passages'],
            orbits.map((orbit) => [
              orbit.name,
              orbit.start.map((x) => x.toPrecision(4)).join('  '),
              String(orbit.hits.length),
            ]),
          ),
        );
      },
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle mechanics section henon-heiles --energy 0.0833 --plot order.png\n' +
        '  untangle mechanics section henon-heiles --energy 0.1667 --plot chaos.png',
    );
  addGlobalOptions(command);
}
