/**
 * @file Pickles read as data (Python's pickletools, protocols 2 to 5): calls are written down, never made. A name that
 * the reader was not told to expect ends the reading.
 */
import { FileError } from '../core/errors.ts';

/** A function or class that a pickle names. */
export interface PickledName {
  readonly kind: 'name';
  /** `module.name`. */
  readonly name: string;
}

/** A call that a pickle asks for: nothing was called. */
export interface PickledCall {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Pickled[];
}

/** Something that lies outside of the pickle, by its id. */
export interface PickledReference {
  readonly kind: 'reference';
  readonly id: Pickled;
}

/** Lists and tuples are arrays, dictionaries are Maps. A list or Map may hold itself. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickledName
  | PickledCall
  | PickledReference
  | readonly Pickled[]
  | ReadonlyMap<Pickled, Pickled>;

/** Where a group of items on the stack begins. */
const MARK = Symbol('mark');
type Stack = (Pickled | typeof MARK)[];

/**
 * The value that `bytes` describe. `names` are the functions and classes that may occur (`torch.FloatStorage`);
 * `where` names the file in errors. Work and memory grow with the bytes, whatever they say.
 * @throws FileError `file.pickle` (damaged, or an opcode that data never need), `file.pickle-code` (another name)
 */
export function readPickle(bytes: Uint8Array, names: ReadonlySet<string>, where: string): Pickled {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, Pickled>();
  const stack: Stack = [];
  let at = 0;
  const bad = (what: string) =>
    new FileError('file.pickle', `${where} is not a pickle of plain data: ${what}`, {
      where,
      hint: 'the file is damaged or of another kind; save it again (torch.save of a state dict), or as safetensors',
    });
  const take = (count: number): number => {
    const from = at;
    if (count < 0 || from + count > buffer.length) throw bad(`it is cut short at byte ${from}`);
    at += count;
    return from;
  };
  const text = (length: number): string => buffer.toString('utf8', take(length), at);
  const line = (): string => {
    const end = buffer.indexOf(10, at);
    if (end < 0) throw bad(`it is cut short at byte ${at}`);
    return buffer.toString('latin1', take(end + 1 - at), end);
  };
  const pop = (): Pickled => {
    const value = stack.pop();
    if (value === undefined || value === MARK) throw bad(`nothing is on its stack at byte ${at}`);
    return value;
  };
  /** A text: anything else would have to be spelt out, and lists that hold lists can be spelt without end. */
  const word = (): string => {
    const value = pop();
    if (typeof value !== 'string') throw bad(`it names something by what is no text at byte ${at}`);
    return value;
  };
  /** All above the last mark, which goes too. */
  const group = (): Pickled[] => {
    const from = stack.lastIndexOf(MARK);
    if (from < 0) throw bad(`no group begins before byte ${at}`);
    const items = stack.splice(from) as [typeof MARK, ...Pickled[]];
    return items.slice(1) as Pickled[];
  };
  const top = (): Pickled => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const list = (): Pickled[] => {
    const value = top();
    if (!Array.isArray(value)) throw bad(`it appends to something that is no list at byte ${at}`);
    return value as Pickled[];
  };
  const put = (items: readonly Pickled[]) => {
    const value = top();
    if (!(value instanceof Map) || items.length % 2 > 0) throw bad(`it fills no dictionary at byte ${at}`);
    for (let i = 0; i < items.length; i += 2) value.set(items[i]!, items[i + 1]!);
  };
  const recalled = (index: number): Pickled => {
    const value = memo.get(index);
    if (value === undefined) throw bad(`it recalls what it never kept (byte ${at})`);
    return value;
  };
  const named = (module: string, name: string): PickledName => {
    const full = `${module}.${name}`;
    if (names.has(full)) return { kind: 'name', name: full };
    throw new FileError('file.pickle-code', `${where} asks to run "${full.slice(0, 200)}"`, {
      where,
      hint: 'nothing was run: a file of weights needs nothing but tensors. Do not load it elsewhere unless you trust where it comes from',
    });
  };
  const called = (args: Pickled, name: Pickled): Pickled => {
    if (!isName(name) || !Array.isArray(args))
      throw bad(`it calls something that is no function (byte ${at})`);
    // An ordered dictionary is made empty and filled like any other.
    if (name.name === 'collections.OrderedDict' && args.length === 0) return new Map();
    return { kind: 'call', name: name.name, args: args as Pickled[] };
  };

  for (;;) {
    const opcode = buffer[take(1)]!;
    switch (opcode) {
      case 0x80: // PROTO
        if (buffer[take(1)]! > 5) throw bad('it is of a protocol that is not known');
        break;
      case 0x95: // FRAME
        take(8);
        break;
      case 0x2e: // STOP
        return pop();
      case 0x28: // MARK
        stack.push(MARK);
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x71: // BINPUT
        memo.set(buffer[take(1)]!, top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(buffer.readUInt32LE(take(4)), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        stack.push(recalled(buffer[take(1)]!));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(recalled(buffer.readUInt32LE(take(4))));
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(buffer.readInt32LE(take(4)));
        break;
      case 0x4b: // BININT1
        stack.push(buffer[take(1)]!);
        break;
      case 0x4d: // BININT2
        stack.push(buffer.readUInt16LE(take(2)));
        break;
      case 0x8a: {
        // LONG1
        const length = buffer[take(1)]!;
        stack.push(long(buffer.subarray(take(length), at)));
        break;
      }
      case 0x47: // BINFLOAT
        stack.push(buffer.readDoubleBE(take(8)));
        break;
      case 0x58: // BINUNICODE
        stack.push(text(buffer.readUInt32LE(take(4))));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text(buffer[take(1)]!));
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x61: {
        // APPEND
        const item = pop();
        list().push(item);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = group();
        const target = list();
        for (const item of items) target.push(item);
        break;
      }
      case 0x74: // TUPLE
        stack.push(group());
        break;
      case 0x85: // TUPLE1
        stack.push([pop()]);
        break;
      case 0x86: {
        // TUPLE2
        const b = pop();
        stack.push([pop(), b]);
        break;
      }
      case 0x87: {
        // TUPLE3
        const c = pop();
        const b = pop();
        stack.push([pop(), b, c]);
        break;
      }
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        put([key, value]);
        break;
      }
      case 0x75: {
        // SETITEMS
        const items = group();
        put(items);
        break;
      }
      case 0x63: {
        // GLOBAL
        const module = line();
        stack.push(named(module, line()));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = word();
        stack.push(named(word(), name));
        break;
      }
      case 0x51: // BINPERSID
        stack.push({ kind: 'reference', id: pop() });
        break;
      case 0x52: {
        // REDUCE
        const args = pop();
        stack.push(called(args, pop()));
        break;
      }
      case 0x62: // BUILD: attributes of an object beside its content, which data do not need
        pop();
        top();
        break;
      default:
        throw bad(`the opcode 0x${opcode.toString(16)} at byte ${at - 1} is not one of plain data`);
    }
  }
}

/** Whether a value is a named function or class. */
const isName = (value: Pickled): value is PickledName =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'name';

/** A little-endian two's complement number of any length. */
function long(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}
