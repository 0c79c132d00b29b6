import { Bytes } from '../src/model/bytes.ts';
import { field, type Encode } from './protocol-lines.ts';

/** Spans and access logs, one for each standard line, as their senders put them on the wire. */

const START_US = 1_762_000_000_000_000;

/** Hexadecimal digits that differ from span to span. */
const idOf = (request: number, index: number, digits: number): string => {
  const seed = Math.imul(request * 65_537 + index + 1, 0x9e3779b1) >>> 0;
  return seed.toString(16).padStart(8, '0').repeat(4).slice(0, digits);
};

export const zipkinJson: Encode = (lines, request) =>
  Buffer.from(
    JSON.stringify(
      lines.map((_, index) => ({
        traceId: idOf(request, index, 32),
        id: idOf(request, index, 16),
        kind: 'SERVER',
        name: 'get /cart/{id}',
        timestamp: START_US + index,
        duration: 1_200 + (index % 500),
        localEndpoint: { serviceName: 'cart', ipv4: '10.0.0.7', port: 8080 },
        remoteEndpoint: { serviceName: 'web', ipv4: '10.0.0.8', port: 41_000 },
        annotations: [{ timestamp: START_US + index + 10, value: 'cache miss' }],
        tags: {
          'http.method': 'GET',
          'http.path': `/cart/${index}`,
          'http.status_code': '200',
          'user.agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
          'net.peer.name': 'web.shop.svc.cluster.local',
        },
      })),
    ),
  );

const made = (make: (out: Bytes) => void): Uint8Array => {
  const out = new Bytes(512);
  make(out);
  return out.take();
};

const attribute = (key: string, value: string): Uint8Array =>
  made((out) => {
    field(out, 1, Buffer.from(key));
    field(
      out,
      2,
      made((any) => field(any, 1, Buffer.from(value))),
    );
  });

const number = (out: Bytes, at: number, value: number): void => {
  out.varint(at * 8);
  out.varint(value);
};

const fixed64 = (out: Bytes, at: number, value: bigint): void => {
  out.varint(at * 8 + 1);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  out.raw(bytes, 0, 8);
};

/** `ExportTraceServiceRequest`. */
export const otlpTraces: Encode = (lines, request) => {
  const resource = made((out) => field(out, 1, attribute('service.name', 'cart')));
  const scope = made((out) => {
    lines.forEach((_, index) => {
      const startNs = BigInt(START_US + index) * 1_000n;
      const span = made((one) => {
        field(one, 1, Buffer.from(idOf(request, index, 32), 'hex'));
        field(one, 2, Buffer.from(idOf(request, index, 16), 'hex'));
        field(one, 5, Buffer.from('GET /cart/{id}'));
        number(one, 6, 2);
        fixed64(one, 7, startNs);
        fixed64(one, 8, startNs + 1_200_000n);
        field(one, 9, attribute('http.request.method', 'GET'));
        field(one, 9, attribute('url.path', `/cart/${index}`));
        field(one, 9, attribute('user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64)'));
        field(one, 9, attribute('server.address', 'cart.shop.svc.cluster.local'));
      });
      field(out, 2, span);
    });
  });
  const spans = made((out) => {
    field(out, 1, resource);
    field(out, 2, scope);
  });
  return Buffer.from(made((out) => field(out, 1, spans)));
};

/** TBinaryProtocol, as much of it as a Jaeger batch needs. */
class Thrift {
  readonly parts: Buffer[] = [];

  field(type: number, id: number): this {
    const bytes = Buffer.alloc(3);
    bytes.writeUInt8(type);
    bytes.writeInt16BE(id, 1);
    this.parts.push(bytes);
    return this;
  }

  text(id: number, value: string): this {
    return this.field(11, id).string(value);
  }

  i64(id: number, value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    this.field(10, id).parts.push(bytes);
    return this;
  }

  i32(id: number, value: number): this {
    this.field(8, id);
    return this.word(value);
  }

  list(id: number, structs: readonly Thrift[]): this {
    this.field(15, id).parts.push(Buffer.from([12]));
    this.word(structs.length);
    for (const struct of structs) this.parts.push(...struct.parts, STOP);
    return this;
  }

  struct(id: number, inner: Thrift): this {
    this.field(12, id).parts.push(...inner.parts, STOP);
    return this;
  }

  end(): Buffer {
    return Buffer.concat([...this.parts, STOP]);
  }

  private string(value: string): this {
    const bytes = Buffer.from(value);
    this.word(bytes.length);
    this.parts.push(bytes);
    return this;
  }

  private word(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    this.parts.push(bytes);
    return this;
  }
}

const STOP = Buffer.from([0]);

const tag = (key: string, value: string): Thrift =>
  new Thrift().text(1, key).i32(2, 0).text(3, value);

/** `jaeger.thrift`'s Batch, as posted to /api/traces. */
export const jaegerThrift: Encode = (lines, request) => {
  const spans = lines.map((_, index) =>
    new Thrift()
      .i64(1, BigInt(START_US + index))
      .i64(2, BigInt(request))
      .i64(3, BigInt(START_US + index))
      .i64(4, 0n)
      .text(5, 'GET /cart/{id}')
      .i32(7, 1)
      .i64(8, BigInt(START_US + index))
      .i64(9, 1_200n)
      .list(10, [
        tag('span.kind', 'server'),
        tag('http.method', 'GET'),
        tag('http.url', `/cart/${index}`),
        tag('peer.service', 'web.shop.svc.cluster.local'),
      ]),
  );
  const process = new Thrift().text(1, 'cart').list(2, [tag('hostname', 'node-1')]);
  return new Thrift().struct(1, process).list(2, spans).end();
};

/** `StreamAccessLogsMessage` with HTTP entries; the identifier stands in each of these messages. */
export const als: Encode = (lines) => {
  const text = (out: Bytes, at: number, value: string): void => field(out, at, Buffer.from(value));
  const duration = (nanos: number): Uint8Array => made((out) => number(out, 2, nanos));
  const node = made((out) => {
    text(out, 1, 'sidecar~10.0.0.7~cart-5d4f.shop~shop.svc.cluster.local');
    text(out, 2, 'cart.shop');
  });
  const entries = made((out) => {
    lines.forEach((_, index) => {
      const common = made((one) => {
        field(
          one,
          5,
          made((time) => number(time, 1, 1_762_000_000 + (index % 60))),
        );
        field(one, 12, duration(1_200_000));
        text(one, 15, 'outbound|8080||cart.shop.svc.cluster.local');
      });
      const request = made((one) => {
        number(one, 1, 1);
        text(one, 2, 'http');
        text(one, 3, 'cart.shop:8080');
        text(one, 5, `/cart/${index}`);
        text(one, 6, 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36');
        text(one, 9, `5b0c6d3e-7f1a-9c2b-8d4e-${String(index).padStart(12, '0')}`);
      });
      const response = made((one) => {
        field(
          one,
          1,
          made((code) => number(code, 1, 200)),
        );
        number(one, 3, 512);
        text(one, 6, 'via_upstream');
      });
      const entry = made((one) => {
        field(one, 1, common);
        number(one, 2, 2);
        field(one, 3, request);
        field(one, 4, response);
      });
      field(out, 1, entry);
    });
  });
  const identifier = made((out) => {
    field(out, 1, node);
    text(out, 2, 'bench');
  });
  return Buffer.from(
    made((out) => {
      field(out, 1, identifier);
      field(out, 2, entries);
    }),
  );
};
