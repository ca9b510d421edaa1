/** A binary heap of objects that know their places in it, so that any of them can be removed. The least key is first. */
export class Heap<E> {
  readonly #items: E[] = [];
  readonly #keyOf: (item: E) => number;
  readonly #placeOf: (item: E) => number;
  readonly #place: (item: E, at: number) => void;

  constructor(
    keyOf: (item: E) => number,
    placeOf: (item: E) => number,
    /** Notes the new place of an item. */
    place: (item: E, at: number) => void,
  ) {
    this.#keyOf = keyOf;
    this.#placeOf = placeOf;
    this.#place = place;
  }

  get first(): E | undefined {
    return this.#items[0];
  }

  add(item: E): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Only for an item of this heap. */
  remove(item: E): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    const at = this.#placeOf(item);
    this.#rise(last, at);
    this.#sink(last, this.#placeOf(last));
  }

  clear(): void {
    this.#items.length = 0;
  }

  #rise(item: E, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above] as E;
      if (this.#keyOf(parent) <= this.#keyOf(item)) break;
      this.#set(parent, at);
      at = above;
    }
    this.#set(item, at);
  }

  #sink(item: E, from: number): void {
    let at = from;
    for (;;) {
      const child = this.#lesserChild(at);
      if (child === undefined || this.#keyOf(item) <= this.#keyOf(child)) break;
      const place = this.#placeOf(child);
      this.#set(child, at);
      at = place;
    }
    this.#set(item, at);
  }

  #lesserChild(at: number): E | undefined {
    const left = this.#items[2 * at + 1];
    const right = this.#items[2 * at + 2];
    if (left === undefined || right === undefined) return left;
    return this.#keyOf(right) < this.#keyOf(left) ? right : left;
  }

  #set(item: E, at: number): void {
    this.#items[at] = item;
    this.#place(item, at);
  }
}
