declare module 'snappyjs' {
  /** Compresses into one snappy block. */
  export function compress(bytes: Uint8Array): Uint8Array;
}
