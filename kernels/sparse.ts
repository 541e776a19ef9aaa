/** @file The sparse half of a training step of any kind, on memory that all workers share. */
export {
  normalise, decodeRows, beginRows, finishRows, decodeNested, decodeDead, countEntries, splitRows,
} from './decode';
export {
  penalise, powers, jump, jumpSlopes, gate, gateSlopes, sumExtras, countValues, listBin, keepLargest,
} from './kinds';
export { sortEntries, gradients, throughEncoder, adam, updateFeatures, unit } from './gradients';
