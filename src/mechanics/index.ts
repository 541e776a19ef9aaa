/** @file The mechanics library as others import it: `untangle/mechanics`. Float64, pure, knows nothing of networks. */

export { type Random, random } from '../core/random.ts';
export type { End, Ends } from './boundary/ends.ts';
export { type LeastAction, type LeastActionOptions, leastAction } from './boundary/least-action.ts';
export { energyOf, velocityOf } from './boundary/legendre.ts';
export { eulerLagrange, type ShootingOptions, type Shot, shoot } from './boundary/shooting.ts';
export * from './build.ts';
export { constrained, constraintsOf, spheres } from './constraints.ts';
export { type ActionAngle, actionAngle } from './diagnostics/action-angle.ts';
export { type BracketLaws, bracketLaws, poissonBracket } from './diagnostics/brackets.ts';
export { type Drift, drift } from './diagnostics/drift.ts';
export {
  type ElasticBand,
  type ElasticBandOptions,
  nudgedElasticBand,
  refined,
} from './diagnostics/elastic-band.ts';
export { type Lyapunov, lyapunovExponents } from './diagnostics/lyapunov.ts';
export { chargeDrift, conservedQuantity, type NoetherResult, noetherCharge } from './diagnostics/noether.ts';
export { energyOrder, type Refinement, stateOrder } from './diagnostics/order.ts';
export { poincareSection, returnTimes } from './diagnostics/recurrence.ts';
export { modifiedField, shadowHamiltonian } from './diagnostics/shadow.ts';
export {
  formDefect,
  reversibilityDefect,
  symplecticityDefect,
  volumeDefect,
} from './diagnostics/structure.ts';
export * from './differentiate.ts';
export type { EventHit, EventSurface } from './events.ts';
export { type HigherLagrangian, ostrogradsky, paisUhlenbeck } from './fields/ostrogradsky.ts';
export * from './fields/wave.ts';
export {
  denseOutput,
  ensemble,
  integrate,
  integrateInterruptibly,
  type Run,
  type RunOptions,
  sampleAt,
} from './integrate.ts';
export { type Coefficients, composeLeapfrog, splitting } from './integrators/composition.ts';
export { adaptiveDormandPrince, type Tolerance } from './integrators/dormand-prince.ts';
export { integratorNamed, integrators } from './integrators/registry.ts';
export { reversibleAdaptive } from './integrators/reversible-adaptive.ts';
export { type Kinetic, powerKinetic, quadraticKinetic, relativisticKinetic } from './kinetic.ts';
export * from './landscape.ts';
export { adam, adamW } from './optimisers/adam.ts';
export { bbi } from './optimisers/bbi.ts';
export { conformalLeapfrog } from './optimisers/conformal-leapfrog.ts';
export { ecd } from './optimisers/ecd.ts';
export { hamiltonianDescent } from './optimisers/hamiltonian-descent.ts';
export { frictionOf, heavyBall } from './optimisers/heavy-ball.ts';
export { nesterov } from './optimisers/nesterov.ts';
export type { Floats, Optimiser, OptimiserState, Schedule, Structure } from './optimisers/optimiser.ts';
export { relativistic } from './optimisers/relativistic.ts';
export { sgd } from './optimisers/sgd.ts';
export { makeOptimiser, type OptimiserName, type OptimiserOptions, optimisers } from './optimisers/table.ts';
export * from './poincare.ts';
export { type Chain, expectation, type MonteCarlo, monteCarloMean } from './samplers/chain.ts';
export { type HmcOptions, hmc } from './samplers/hmc.ts';
export { langevin } from './samplers/langevin.ts';
export { type LearningCoefficient, learningCoefficient } from './samplers/learning-coefficient.ts';
export {
  type MicrocanonicalChain,
  type MicrocanonicalOptions,
  microcanonicalHmc,
  microcanonicalLangevin,
} from './samplers/microcanonical.ts';
export { type NutsOptions, nuts } from './samplers/nuts.ts';
export { heated, type Thermal, thermodynamics } from './samplers/thermodynamics.ts';
export { chargedParticle } from './systems/charged-particle.ts';
export { coupledOscillators, modeFrequency } from './systems/coupled-oscillators.ts';
export { doublePendulum } from './systems/double-pendulum.ts';
export { doubleWell } from './systems/double-well.ts';
export { HENON_HEILES_ESCAPE, henonHeiles } from './systems/henon-heiles.ts';
export { angularMomentum, kepler, keplerOrbit, laplaceRungeLenz } from './systems/kepler.ts';
export { figureEight, nBody, totalMomenta } from './systems/n-body.ts';
export { harmonicOscillator } from './systems/oscillator.ts';
export { pendulum, pendulumPeriod } from './systems/pendulum.ts';
export { type SystemEntry, systemNamed, systems } from './systems/registry.ts';
export { rigidBody } from './systems/rigid-body.ts';
export { separation, separationOnSpheres, separationPotential } from './systems/separation.ts';
export { todaLattice, todaLax } from './systems/toda.ts';
export { stepJacobian, type Tangent, tangentLift, tangentStepper } from './tangent.ts';
export * from './types.ts';
export { discreteLagrangian, type RuleName } from './variational/discrete-lagrangian.ts';
export {
  type Lagrangian,
  lagrangian,
  type MetricAndCost,
  metricLagrangian,
} from './variational/lagrangian.ts';
