import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { grpcRefusal } from './grpc-refusal.ts';

/** google.rpc's messages, by an encoder of its own. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
`);
const read = (name: string, bytes: Uint8Array): unknown => {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number });
};

test.each([
  ['busy', 8],
  ['failed', 14],
] as const)('%s says when to try again, as OTLP asks for', (why, code) => {
  const { status, text, details } = grpcRefusal(why);
  expect(status).toBe(code);
  const given = read('Status', details ?? new Uint8Array(0)) as {
    details: { typeUrl: string; value: Uint8Array }[];
  };
  expect(given).toMatchObject({ code, message: text });
  expect(given.details.map(({ typeUrl }) => typeUrl)).toEqual([
    'type.googleapis.com/google.rpc.RetryInfo',
  ]);
  expect(read('RetryInfo', given.details[0]?.value ?? new Uint8Array(0))).toEqual({
    retryDelay: { seconds: 1 },
  });
});

test.each([
  ['too_large', 8],
  ['unauthorized', 16],
  ['bad_tenant', 3],
  ['stopping', 14],
] as const)('%s is not to be tried again after a while', (why, code) => {
  expect(grpcRefusal(why)).toEqual({ status: code, text: expect.any(String) as string });
});
