import type { Runtime } from './services.ts';

/** An exception as a program's runtime prints it. */
export interface Stack {
  readonly type: string;
  readonly message: string;
  /** Frames and causes, lines separated by LF, as printed below `type: message`. */
  readonly trace: string;
}

const java = (service: string, upstream: boolean): Stack => {
  const name = service === 'payments' ? 'Charge' : 'Order';
  const at = `com.shop.${service}`;
  const servlet = [
    `\tat ${at}.${name}Controller.create(${name}Controller.java:64)`,
    '\tat jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)',
    '\tat java.base/java.lang.reflect.Method.invoke(Method.java:580)',
    '\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)',
    '\tat org.apache.tomcat.util.threads.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1190)',
    '\tat java.base/java.lang.Thread.run(Thread.java:1583)',
  ];
  if (upstream) {
    return {
      type: `${at}.client.UpstreamException`,
      message: 'the upstream did not answer as it should',
      trace: [
        `\tat ${at}.client.MeshClient.exchange(MeshClient.java:118)`,
        `\tat ${at}.${name}Service.place(${name}Service.java:142)`,
        ...servlet,
      ].join('\n'),
    };
  }
  return {
    type: 'java.lang.IllegalStateException',
    message: 'could not obtain a database connection',
    trace: [
      `\tat ${at}.${name}Repository.insert(${name}Repository.java:77)`,
      `\tat ${at}.${name}Service.place(${name}Service.java:131)`,
      ...servlet,
      'Caused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 250ms.',
      '\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)',
      '\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:179)',
      '\t... 22 more',
    ].join('\n'),
  };
};

const python = (service: string, upstream: boolean): Stack => {
  const [file, call] = service === 'fraud' ? ['scoring', 'score'] : ['views', 'get_product'];
  const frames = [
    'Traceback (most recent call last):',
    '  File "/usr/lib/python3.13/site-packages/flask/app.py", line 917, in full_dispatch_request',
    '    rv = self.dispatch_request()',
    `  File "/app/${service}/${file}.py", line 88, in ${call}`,
  ];
  if (upstream) {
    const message = 'upstream answered with an error';
    const last = `requests.exceptions.HTTPError: ${message}`;
    const more = ['    answer.raise_for_status()', last];
    return {
      type: 'requests.exceptions.HTTPError',
      message,
      trace: [...frames, ...more].join('\n'),
    };
  }
  return {
    type: 'KeyError',
    message: "'amount'",
    trace: [...frames, '    total = row["amount"] * row["quantity"]', "KeyError: 'amount'"].join(
      '\n',
    ),
  };
};

const node = (upstream: boolean): Stack => {
  const frames = [
    '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
    '    at async handle (/app/dist/server.js:212:18)',
  ];
  if (upstream) {
    return {
      type: 'UpstreamError',
      message: 'upstream request failed',
      trace: [
        '    at MeshClient.request (/app/dist/mesh-client.js:57:13)',
        '    at async renderPage (/app/dist/routes/page.js:31:19)',
        ...frames,
      ].join('\n'),
    };
  }
  return {
    type: 'TypeError',
    message: "Cannot read properties of undefined (reading 'price')",
    trace: [
      '    at renderTile (/app/dist/views/tile.js:88:31)',
      '    at Array.map (<anonymous>)',
      '    at renderPage (/app/dist/routes/page.js:44:27)',
      ...frames,
    ].join('\n'),
  };
};

const go = (service: string, upstream: boolean): Stack => {
  const frames = [
    'net/http.HandlerFunc.ServeHTTP(0xc00021a2c0, {0x9d3a58, 0xc0003b61c0}, 0xc0002f4140)',
    '\t/usr/local/go/src/net/http/server.go:2294 +0x29',
    'net/http.(*conn).serve(0xc0001c2090, {0x9d4f20, 0xc00018e6f0})',
    '\t/usr/local/go/src/net/http/server.go:2102 +0x625',
    'created by net/http.(*Server).Serve in goroutine 1',
    '\t/usr/local/go/src/net/http/server.go:3454 +0x485',
  ];
  const own = upstream
    ? ['client.(*Mesh).Do', 'client/mesh.go:93']
    : ['(*Server).handle', 'server.go:121'];
  return {
    type: upstream ? '*client.StatusError' : 'runtime.boundsError',
    message: upstream
      ? 'upstream answered with an error'
      : 'runtime error: index out of range [3] with length 3',
    trace: [
      'goroutine 4711 [running]:',
      `shop.example/${service}/internal/${own[0]}(0xc0001ae000, {0xc000112c80, 0x24})`,
      `\t/src/${service}/internal/${own[1]} +0x1b4`,
      ...frames,
    ].join('\n'),
  };
};

/** What a program of this runtime prints when it fails, by itself or because of an upstream. */
export const stackOf = (runtime: Runtime, service: string, upstream: boolean): Stack => {
  if (runtime === 'java') return java(service, upstream);
  if (runtime === 'python') return python(service, upstream);
  if (runtime === 'node') return node(upstream);
  return go(service, upstream);
};
