/** @file Products with weights of a few bits (MatMulNBits) taken apart: unpacked, scaled, multiplied. */
import { tensor } from '../../core/tensor.ts';
import { intAttribute } from '../../graph/attributes.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';
import { notTakenApart } from './refuse.ts';

/** uint8 [...rest, n] holding 8/bits numbers each, lowest bits first, as [...rest, n·8/bits]. */
function unpacked(e: Emitter, packed: string, bits: number): string {
  if (bits === 8) return packed;
  const byte = (value: number) => e.constant(tensor('uint8', [], Uint8Array.of(value)), 'byte');
  const rank = e.shape(packed).length;
  const mask = byte(2 ** bits - 1);
  const parts = Array.from({ length: 8 / bits }, (_, i) => {
    const moved =
      i === 0 ? packed : e.op('BitShift', [packed, byte(i * bits)], { direction: { string: 'RIGHT' } });
    return e.op('Unsqueeze', [e.op('BitwiseAnd', [moved, mask]), e.ints(rank)]);
  });
  const together = e.op('Concat', parts, { axis: { int: rank } });
  const shape = e.shape(packed).map(Number);
  return e.op('Reshape', [together, e.ints(...shape.slice(0, -1), shape.at(-1)! * parts.length)]);
}

/** (A, B [N, blocks, bytes], scales [N·blocks], zero points?, group indices?, bias?): A·dequantised(B)ᵀ + bias. */
export const packedRules: Readonly<Record<string, Rule>> = {
  'com.microsoft:MatMulNBits': {
    kind: 'lower',
    lower(e, node) {
      const [A, B, scales, zeros, groups, bias] = node.inputs as [
        string,
        string,
        string,
        string?,
        string?,
        string?,
      ];
      const [K, N] = [intAttribute(node, 'K', 0), intAttribute(node, 'N', 0)];
      const [bits, block] = [intAttribute(node, 'bits', 4), intAttribute(node, 'block_size', 32)];
      if (groups) throw notTakenApart(node, 'group indices');
      if (![2, 4, 8].includes(bits)) throw notTakenApart(node, `${bits} bits`);
      const blocks = Math.ceil(K / block);
      const dtype = e.type(A).dtype;
      const numbers = e.cast(e.op('Reshape', [unpacked(e, B, bits), e.ints(N, blocks, block)]), dtype);
      const perBlock = (x: string) => e.op('Reshape', [x, e.ints(N, blocks, 1)]);
      let zero = e.scalar(2 ** (bits - 1), dtype);
      if (zeros && e.type(zeros).dtype !== 'uint8') zero = perBlock(zeros);
      else if (zeros) {
        // Each row of zero points is padded to whole bytes.
        const perByte = 8 / bits;
        const rows = e.op('Reshape', [zeros, e.ints(N, Math.ceil(blocks / perByte))]);
        const all = unpacked(e, rows, bits);
        zero = perBlock(e.cast(e.op('Slice', [all, e.ints(0), e.ints(blocks), e.ints(1)]), dtype));
      }
      const weights = e.mul(e.sub(numbers, zero), perBlock(e.cast(scales, dtype)));
      const rows = e.op('Reshape', [weights, e.ints(N, blocks * block)]);
      const exact = blocks * block === K ? rows : e.op('Slice', [rows, e.ints(0), e.ints(K), e.ints(1)]);
      const product = e.op('MatMul', [A, e.op('Transpose', [exact], { perm: { ints: [1, 0] } })]);
      return [bias ? e.add(product, bias) : product];
    },
    note: 'taken apart: 2, 4 or 8 bits',
  },
};
