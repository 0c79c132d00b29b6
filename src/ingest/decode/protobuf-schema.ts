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

export interface ProtoMessage {
  readonly fields: readonly (ProtoField | undefined)[];
}

export const protoMessage = (fields: readonly ProtoField[]): ProtoMessage => {
  const byNumber: ProtoField[] = [];
  for (const field of fields) byNumber[field.number] = field;
  return { fields: byNumber };
};

/** The wire type of a kind. */
export const wireOf = (kind: ProtoKind): number => {
  if (kind === 'uint' || kind === 'bool' || kind === 'enum') return WIRE.varint;
  return kind === 'double' ? WIRE.fixed64 : WIRE.bytes;
};

/** Whether all occurrences of a field make one value. */
export const isMany = ({ kind, repeated }: ProtoField): boolean =>
  repeated === true || kind.endsWith('-map');
