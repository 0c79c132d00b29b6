import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AgentProcess } from '../sim/agent-process.ts';
import { endServer, eventually, linesOf, runServer } from '../sim/running-server.ts';
import { buildAgent } from './build-agent.ts';

/** The agent as one file: what is in it, and that it runs with Node alone. */
test('the bundled agent holds nothing of the engine, needs nothing, and brings lines', async () => {
  const agent = new AgentProcess({ servers: [], yaml: '' });
  const server = await runServer();
  try {
    // Far from our packages: what the file does not hold it cannot find.
    const file = join(agent.directory, 'meshtrail-agent.js');
    const { modules, imports, files } = await buildAgent(file);
    expect(files).toEqual(['meshtrail-agent.js']);
    expect(modules).toContain('src/agent/agent.ts');
    const forbidden =
      /src\/storage\/(engine|state|seal)|src\/(query|api|access)\/|ffi-rs|chdb|clickhouse/;
    expect(modules.filter((id) => forbidden.test(id))).toEqual([]);
    expect(imports.filter((name) => !isBuiltin(name))).toEqual([]);

    const logs = join(agent.directory, 'logs');
    mkdirSync(logs);
    const bundled = new AgentProcess({
      servers: [server.url],
      yaml: `inputs: [{kind: file, include: ['${logs}/*.log'], service: bundled}]`,
      program: [file],
    });
    try {
      writeFileSync(join(logs, 'a.log'), 'one\ntwo\n');
      await bundled.start();
      const lines = await eventually(
        () => linesOf(server, '{service_name="bundled"}'),
        ({ length }) => length >= 2,
      );
      expect(lines).toEqual(['one', 'two']);
      expect(await bundled.stop()).toBe(0);
      const check = spawnSync(process.execPath, [file, 'check', '--config', bundled.file]);
      expect(check.stdout.toString()).toContain('can be used; 1 inputs');
      expect(readdirSync(agent.directory)).toEqual(['logs', 'meshtrail-agent.js']);
    } finally {
      await bundled.remove();
    }
  } finally {
    await agent.remove();
    await endServer(server);
  }
});
