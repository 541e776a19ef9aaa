/** @file npz files, as numpy writes and reads them: a zip of arrays in the npy format (NEP 1). */
import { FileError } from '../core/errors.ts';
import { bytesOf, type DType, sizeOf, type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import { listZip, readZipMember } from './zip.ts';
import { writeZip } from './zip-writer.ts';

const codes: Readonly<Record<DType, string>> = {
  float32: '<f4',
  float64: '<f8',
  float16: '<f2',
  int64: '<i8',
  int32: '<i4',
  int8: '|i1',
  uint8: '|u1',
  bool: '|b1',
};
const magic = '\x93NUMPY';
/** As in numpy (numpy.lib.format, `max_header_size`). */
const HEADER_LIMIT = 10_000;

/** Writes each tensor under its name; `numpy.load(path)[name]` gives it back. Not compressed. */
export async function writeNpz(path: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  await writeZip(
    path,
    Object.entries(tensors).map(([name, t]) => [`${name}.npy`, encodeNpy(t)] as const),
  );
}

/** Names of the arrays of an npz file, of which none is read. @throws FileError `file.zip`, `file.missing` */
export const listNpz = async (path: string): Promise<string[]> =>
  (await listZip(path)).map(({ name }) => arrayOf(name));

const arrayOf = (member: string): string => member.replace(/\.npy$/, '');

/** All arrays of an npz file. @throws FileError `file.zip`, `file.npy`, `file.dtype`, `file.truncated` */
export async function readNpz(path: string): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const { name } of await listZip(path)) {
    tensors[arrayOf(name)] = decodeNpy(await readZipMember(path, name), `${path}: ${name}`);
  }
  return tensors;
}

/** One array in npy format, version 1.0, row-major, data aligned to 64 bytes. */
export function encodeNpy(t: Tensor): Uint8Array {
  const shape = t.shape.length === 1 ? `${t.shape[0]},` : t.shape.join(', ');
  const text = `{'descr': '${codes[t.dtype]}', 'fortran_order': False, 'shape': (${shape}), }`;
  const padding = (64 - ((10 + text.length + 1) % 64)) % 64;
  const header = Buffer.from(`${text}${' '.repeat(padding)}\n`, 'latin1');
  const start = Buffer.alloc(10);
  start.write(`${magic}\x01\x00`, 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, header, new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)]);
}

/** An array from npy bytes; `where` names it in errors. */
export function decodeNpy(bytes: Uint8Array, where: string): Tensor {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (what: string) =>
    new FileError('file.npy', `${where} is not an npy array: ${what}`, {
      where,
      hint: 'write it again with numpy.save or numpy.savez',
    });
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== magic) throw bad('it does not start as one');
  const long = buffer[6]! >= 2;
  const start = long ? 12 : 10;
  const dataAt = start + (long ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8));
  if (dataAt > buffer.length) throw bad('its header is cut short');
  if (dataAt > HEADER_LIMIT) throw bad(`its header has ${dataAt} bytes`);
  const header = buffer.toString('latin1', start, dataAt);
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined || dims === undefined) throw bad(`its header is ${header.trim()}`);
  if (/'fortran_order'\s*:\s*True/.test(header))
    throw bad('it is column-major; save numpy.ascontiguousarray(…)');
  const dtype = (Object.keys(codes) as DType[]).find((d) => codes[d].slice(1) === descr.slice(1));
  if (!dtype || descr.startsWith('>')) {
    throw new FileError('file.dtype', `${where} has the type ${descr}`, {
      where,
      hint: `known types: ${Object.values(codes).join(', ')}`,
    });
  }
  const shape = dims
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  const length = sizeOf(shape) * bytesOf(dtype);
  if (length !== buffer.length - dataAt) {
    const code = length > buffer.length - dataAt ? 'file.truncated' : 'file.npy';
    throw new FileError(
      code,
      `${where}: shape (${shape}) of ${descr} needs ${length} bytes, ${buffer.length - dataAt} are there`,
      { where, hint: 'write the file again' },
    );
  }
  return tensor(dtype, shape, viewBytes(dtype, new Uint8Array(bytes.subarray(dataAt))));
}
