/** @file A binary heap of pairs whose counts change: entries are checked against the count of today when they come out. */

export interface PairHeap {
  /** Enters a key with its count of now; a key may be entered again whenever its count changes. */
  push(key: number): void;
  /** Takes out the key of the largest count, the smallest key among equals; undefined when none has a count above 0. */
  pop(): number | undefined;
}

/** An empty heap over counts that `countOf` tells. */
export function pairHeap(countOf: (key: number) => number): PairHeap {
  const entries: { key: number; count: number }[] = [];
  const before = (a: { key: number; count: number }, b: { key: number; count: number }) =>
    a.count > b.count || (a.count === b.count && a.key < b.key);
  const swap = (i: number, j: number) => {
    [entries[i], entries[j]] = [entries[j]!, entries[i]!];
  };
  const takeTop = () => {
    const top = entries[0];
    const last = entries.pop();
    if (top === undefined || last === undefined || entries.length === 0) return top;
    entries[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      let first = i;
      if (left < entries.length && before(entries[left]!, entries[first]!)) first = left;
      if (left + 1 < entries.length && before(entries[left + 1]!, entries[first]!)) first = left + 1;
      if (first === i) return top;
      swap(i, first);
      i = first;
    }
  };
  return {
    push(key) {
      entries.push({ key, count: countOf(key) });
      for (let i = entries.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!before(entries[i]!, entries[parent]!)) return;
        swap(i, parent);
        i = parent;
      }
    },
    pop() {
      for (let top = takeTop(); top; top = takeTop()) {
        if (top.count > 0 && top.count === countOf(top.key)) return top.key;
      }
      return undefined;
    },
  };
}
