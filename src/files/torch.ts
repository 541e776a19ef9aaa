/** @file State dicts as PyTorch saves them (torch.save, zip form since 1.6): read as data, and written. */
import { open } from 'node:fs/promises';
import { FileError, nearestNames } from '../core/errors.ts';
import { bytesOf, type DType, sizeOf, type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import { type Pickled, type PickledCall, readPickle } from './pickle.ts';
import { fromBfloat16 } from './safetensors.ts';
import { listZip, readZipMember, type ZipMember } from './zip.ts';
import { writeZip } from './zip-writer.ts';

/** A tensor of a state dict: where its numbers lie among those of its storage. */
interface Placed {
  readonly stored: Stored;
  readonly member: ZipMember;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Elements before the first. */
  readonly offset: number;
}

/** An open state dict; only its description is in memory. */
export interface TorchFile {
  readonly path: string;
  readonly names: readonly string[];
  /** @throws FileError `file.no-tensor`, naming the nearest */
  info(name: string): { readonly dtype: DType; readonly shape: readonly number[] };
  /** A tensor, row-major whatever its strides were (bfloat16 becomes float32). @throws FileError `file.zip` */
  read(name: string): Promise<Tensor>;
}

interface Stored {
  readonly dtype: DType;
  readonly bytes: number;
  readonly bfloat16?: boolean;
}

const storages: ReadonlyMap<string, Stored> = new Map<string, Stored>([
  ...(
    [
      ['Float', 'float32'],
      ['Double', 'float64'],
      ['Half', 'float16'],
      ['Long', 'int64'],
      ['Int', 'int32'],
      ['Char', 'int8'],
      ['Byte', 'uint8'],
      ['Bool', 'bool'],
    ] as const
  ).map(([name, dtype]) => [`torch.${name}Storage`, { dtype, bytes: bytesOf(dtype) }] as const),
  ['torch.BFloat16Storage', { dtype: 'float32', bytes: 2, bfloat16: true }] as const,
]);
const storageOf = (dtype: DType): string =>
  [...storages].find(([, stored]) => stored.dtype === dtype && !stored.bfloat16)![0];

const REBUILD = 'torch._utils._rebuild_tensor_v2';
const PARAMETER = 'torch._utils._rebuild_parameter';
/** All that a state dict may name. */
const names: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  REBUILD,
  PARAMETER,
  ...storages.keys(),
]);

/** A description longer than this is no state dict. */
const DESCRIPTION_LIMIT = 16 * 2 ** 20;

/**
 * Opens a state dict: a dictionary from names to tensors. What else it holds (numbers, settings) is left out.
 * @throws FileError `file.torch` (another kind of file, or tensors outside of their storage), `file.pickle`,
 *   `file.pickle-code` (it asks for something to be run), `file.zip`, `file.missing`
 */
export async function openTorch(path: string): Promise<TorchFile> {
  const members = await listZip(path).catch(async (error: unknown) => {
    // Cut short it would still begin as an archive.
    if (error instanceof FileError && error.code === 'file.zip' && !(await beginsAsZip(path)))
      throw wrong(path, 'it is no zip archive, and neither are files of versions before 1.6');
    throw error;
  });
  const description = members.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (!description) throw wrong(path, 'it holds no data.pkl');
  if (description.size > DESCRIPTION_LIMIT)
    throw wrong(path, `its description has ${description.size} bytes`);
  const root = description.name.slice(0, -'data.pkl'.length);
  const order = members.find(({ name }) => name === `${root}byteorder`);
  if (order && Buffer.from(await readMember(path, order)).toString() !== 'little')
    throw wrong(path, 'it was written on a big-endian machine');
  const found = readPickle(await readMember(path, description), names, path);
  if (!(found instanceof Map)) throw wrong(path, 'it holds no dictionary of tensors');
  const storage = new Map(members.map((member) => [member.name, member]));
  const tensors = new Map<string, Placed>();
  for (const [name, value] of found as ReadonlyMap<Pickled, Pickled>) {
    const call = callOf(value);
    if (typeof name !== 'string' || !call) continue;
    tensors.set(
      name,
      placed(path, name, call, (key) => storage.get(`${root}data/${key}`)),
    );
  }
  const info = (name: string): Placed => {
    const place = tensors.get(name);
    if (place) return place;
    throw new FileError('file.no-tensor', `${path} has no tensor "${name}"`, {
      where: path,
      hint: `nearest names: ${nearestNames(name, tensors.keys()).join(', ')}`,
    });
  };
  return {
    path,
    names: [...tensors.keys()],
    info: (name) => ({ dtype: info(name).stored.dtype, shape: info(name).shape }),
    read: async (name) => rowMajor(info(name), await readMember(path, info(name).member)),
  };
}

async function beginsAsZip(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.toString('latin1') === 'PK';
  } finally {
    await file.close();
  }
}

const wrong = (path: string, what: string): FileError =>
  new FileError('file.torch', `${path} is no state dict of PyTorch: ${what}`, {
    where: path,
    hint: 'save it again with torch.save(model.state_dict(), path) of PyTorch 1.6 or later',
  });

/** Weights are never compressed: a member that is would only serve to fill the memory. */
function readMember(path: string, member: ZipMember): Promise<Uint8Array<ArrayBuffer>> {
  if (member.method !== 0 || member.size !== member.compressedSize)
    throw wrong(path, `"${member.name}" is compressed`);
  return readZipMember(path, member.name);
}

/** The call that makes a tensor; a parameter is one with a tensor inside. */
function callOf(value: Pickled): PickledCall | undefined {
  const call = asCall(value);
  return call?.name === PARAMETER ? asCall(call.args[0] ?? null) : call;
}

const asCall = (value: Pickled): PickledCall | undefined =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'call' ? value : undefined;

function placed(
  path: string,
  name: string,
  call: PickledCall,
  member: (key: string) => ZipMember | undefined,
): Placed {
  const bad = (what: string) => wrong(path, `the tensor "${name.slice(0, 80)}" cannot be: ${what}`);
  if (call.name !== REBUILD) throw bad(`it is made by ${call.name}`);
  const [reference, offset, shape, strides] = call.args;
  const [tag, kind, key] = idOf(reference);
  const stored = storages.get(isName(kind) ? kind.name : '');
  if (tag !== 'storage' || !stored || typeof key !== 'string') throw bad('its storage is not one of PyTorch');
  const file = member(key);
  if (!file) throw bad(`its numbers (data/${key.slice(0, 80)}) are missing`);
  if (!isSizes(shape) || !isSizes(strides) || shape.length !== strides.length || !isSizes([offset]))
    throw bad('its sizes are no whole numbers');
  const elements = Math.floor(file.size / stored.bytes);
  const count = shape.reduce((product, n) => product * n, 1);
  const last = shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, offset as number);
  // More elements than the storage has would be one number shown many times.
  if (count > elements || (count > 0 && last >= elements))
    throw bad(`[${shape}] does not fit in its ${elements} elements`);
  return { stored, member: file, shape, strides, offset: offset as number };
}

const idOf = (value: Pickled | undefined): readonly Pickled[] =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  value.kind === 'reference' &&
  Array.isArray(value.id)
    ? (value.id as readonly Pickled[])
    : [];

const isName = (value: Pickled | undefined): value is { kind: 'name'; name: string } =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'name';

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) &&
  value.length <= 8 &&
  value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

function rowMajor({ stored, shape, strides, offset }: Placed, bytes: Uint8Array): Tensor {
  const { dtype, bytes: width, bfloat16 } = stored;
  const whole = bytes.subarray(0, Math.floor(bytes.length / width) * width);
  const all = bfloat16 ? fromBfloat16(whole) : viewBytes(dtype, whole);
  const count = sizeOf(shape);
  const isDense = strides.every((s, i) => shape[i] === 1 || s === sizeOf(shape.slice(i + 1)));
  if (isDense || count === 0) return tensor(dtype, shape, all.slice(offset, offset + count) as typeof all);
  const out = all.slice(0, count);
  const index = shape.map(() => 0);
  for (let i = 0, from = offset; i < count; i++) {
    out[i] = all[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return tensor(dtype, shape, out as typeof all);
}

/**
 * Writes a state dict that `torch.load(path)` gives back (also with weights_only, its default).
 * @throws FileError `disk.full`, `disk.read-only`
 */
export async function writeTorch(path: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  const root = 'archive';
  const entries = Object.entries(tensors);
  await writeZip(path, [
    [`${root}/data.pkl`, describe(entries)],
    [`${root}/byteorder`, Buffer.from('little')],
    ...entries.map(
      ([, { data }], i) =>
        [`${root}/data/${i}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] as const,
    ),
    [`${root}/version`, Buffer.from('3\n')],
  ]);
}

/** The pickle (protocol 2) of an ordered dictionary of tensors, each on a storage of its own. */
function describe(entries: readonly (readonly [string, Tensor])[]): Uint8Array {
  const pieces: Buffer[] = [];
  const op = (...bytes: number[]) => void pieces.push(Buffer.from(bytes));
  const sized = (opcode: number, value: number) => {
    const piece = Buffer.alloc(5, opcode);
    piece.writeUInt32LE(value, 1);
    pieces.push(piece);
  };
  const text = (value: string) => {
    sized(0x58, Buffer.byteLength(value)); // BINUNICODE
    pieces.push(Buffer.from(value));
  };
  const named = (name: string) => {
    const dot = name.lastIndexOf('.');
    pieces.push(Buffer.from(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`)); // GLOBAL
  };
  /** A whole number: as 4 bytes, or as many as it needs. */
  const whole = (value: number) => {
    if (value < 2 ** 31) return sized(0x4a, value); // BININT
    const piece = Buffer.alloc(10, 0x8a); // LONG1
    piece[1] = 8;
    piece.writeBigInt64LE(BigInt(value), 2);
    pieces.push(piece);
  };
  const tuple = (values: readonly number[]) => {
    op(0x28); // MARK
    values.forEach(whole);
    op(0x74); // TUPLE
  };
  const emptyDict = () => {
    named('collections.OrderedDict');
    op(0x29, 0x52); // EMPTY_TUPLE REDUCE
  };
  op(0x80, 2); // PROTO
  emptyDict();
  op(0x28); // MARK
  entries.forEach(([name, { dtype, shape, data }], i) => {
    text(name);
    named(REBUILD);
    op(0x28, 0x28); // MARK MARK
    text('storage');
    named(storageOf(dtype));
    text(String(i));
    text('cpu');
    whole(data.length);
    op(0x74, 0x51); // TUPLE BINPERSID
    whole(0);
    tuple(shape);
    tuple(shape.map((_, axis) => sizeOf(shape.slice(axis + 1))));
    op(0x89); // NEWFALSE: no gradient
    emptyDict();
    op(0x74, 0x52); // TUPLE REDUCE
  });
  op(0x75, 0x2e); // SETITEMS STOP
  return Buffer.concat(pieces);
}
