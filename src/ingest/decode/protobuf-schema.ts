import { WIRE } from './protobuf.ts';

/** Protobuf messages as tables of their fields, as protobuf-json.ts reads them. */
export type ProtoKind =
  | 'string'
  | 'uint'
  | 'bool'
  | 'double'
  | 'enum'
  | 'message'
  /** google.protobuf.UInt32Value. */
  | 'uint-value'
  | 'timestamp'
  | 'duration'
  | 'struct'
  | 'any'
  /** map<string, string>, map<string, google.protobuf.Struct>, map<string, Any>. */
  | 'text-map'
  | 'struct-map'
  | 'any-map';

export interface ProtoField {
  readonly number: number;
  readonly name: string;
  readonly kind: ProtoKind;
  readonly repeated?: true;
  readonly message?: ProtoMessage;
  /** Names of an enum's values, by number. */
  readonly words?: readonly string[];
  /** Told to the notes, when above 0. */
  readonly note?: number;
}

/** A field with what is needed of it again and again. */
export interface ReadField extends ProtoField {
  /** `"name":`. */
  readonly head: Uint8Array;
  readonly wire: number;
  readonly isMap: boolean;
  /** Whether all occurrences make one value. */
  readonly isMany: boolean;
}

export interface ProtoMessage {
  readonly fields: readonly (ReadField | undefined)[];
}

const encoder = new TextEncoder();

export const protoMessage = (fields: readonly ProtoField[]): ProtoMessage => {
  const byNumber: ReadField[] = [];
  for (const field of fields) {
    const isMap = field.kind.endsWith('-map');
    byNumber[field.number] = {
      ...field,
      head: encoder.encode(`"${field.name}":`),
      wire: wireOf(field.kind),
      isMap,
      isMany: isMap || field.repeated === true,
    };
  }
  return { fields: byNumber };
};

const wireOf = (kind: ProtoKind): number => {
  if (kind === 'uint' || kind === 'bool' || kind === 'enum') return WIRE.varint;
  return kind === 'double' ? WIRE.fixed64 : WIRE.bytes;
};
