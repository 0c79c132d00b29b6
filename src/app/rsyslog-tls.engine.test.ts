import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbered } from '../../sim/program.ts';
import { hasModule, logLines, startRsyslog } from '../../sim/rsyslog.ts';
import { eventually } from '../../sim/running-server.ts';
import { outside, runTlsServer, type TlsServer } from '../../sim/tls-server.ts';

/**
 * rsyslog over TLS, syslog and RELP: from beyond loopback by client certificate alone, from here
 * without one too.
 */
const COUNT = 200;

describe.skipIf(outside === '')('needs an address of its own', () => {
  let server: TlsServer;

  beforeAll(async () => {
    server = await runTlsServer(['syslog-tls', 'relp']);
  });

  afterAll(() => server.end());

  const logged = async (
    name: string,
    modules: string,
    actions: Readonly<Record<string, string>>,
    check: () => Promise<void>,
  ): Promise<void> => {
    const sender = await startRsyslog(server.directory, name, modules, actions);
    try {
      logLines(sender, 0, COUNT);
      await check();
    } finally {
      const gone = once(sender.child, 'exit');
      sender.child.kill('SIGKILL');
      await gone;
    }
  };

  const turnedAway = (protocol: string): Promise<string> =>
    eventually(
      () => server.ask('/metrics'),
      (text) => text.includes(`{protocol="${protocol}",reason="peer_not_allowed"}`),
    );

  const identities = async (): Promise<(readonly [string, string, boolean])[]> => {
    const { sources } = JSON.parse(await server.ask('/api/v1/sources')) as {
      sources: readonly { protocol: string; identity: string; encrypted: boolean }[];
    };
    return sources.map(({ protocol, identity, encrypted }) => [protocol, identity, encrypted]);
  };

  const gtls = (): { host: (name: string) => string; certified: string } => ({
    host: (name) =>
      `type="omfwd" target="${name}" port="${server.ports['syslog-tls'] ?? 0}" protocol="tcp" ` +
      'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" ' +
      `StreamDriverPermittedPeers="localhost" StreamDriver.CAFile="${server.file('ca.pem')}"`,
    certified:
      ` StreamDriver.CertFile="${server.file('client.pem')}"` +
      ` StreamDriver.KeyFile="${server.file('client.key')}"`,
  });

  test.skipIf(!hasModule('lmnsd_gtls'))('syslog (gtls): needs rsyslog-gnutls', async () => {
    const { host, certified } = gtls();
    const actions = {
      'gtls-certificate': host(outside) + certified,
      'gtls-octets': `${host(outside)}${certified} tcp_framing="octet-counted"`,
      'gtls-stream': `${host(outside)}${certified} compression.mode="stream:always"`,
      'gtls-near': host('127.0.0.1'),
      'gtls-unknown': host(outside),
    };
    await logged('gtls', '', actions, async () => {
      for (const name of Object.keys(actions).filter((action) => action !== 'gtls-unknown')) {
        expect(await server.arrived(name, COUNT), name).toEqual(numbered(COUNT));
      }
      expect(await turnedAway('syslog')).toContain('protocol="syslog",reason="peer_not_allowed"');
      expect(await server.linesOf('gtls-unknown')).toEqual([]);
    });
    expect(await identities()).toEqual(
      expect.arrayContaining([
        ['syslog', 'client', true],
        ['syslog', '', true],
      ]),
    );
  });

  describe.skipIf(!hasModule('omrelp'))('RELP: needs rsyslog-relp', () => {
    const host = (name: string): string =>
      `type="omrelp" target="${name}" port="${server.ports['relp'] ?? 0}" timeout="5" ` +
      `tls="on" tls.authMode="name" tls.permittedPeer=["localhost"] ` +
      `tls.caCert="${server.file('ca.pem')}"`;
    const certified = (): string =>
      ` tls.myCert="${server.file('client.pem')}" tls.myPrivKey="${server.file('client.key')}"`;

    test.each(['gnutls', 'openssl'])('by client certificate, %s', async (library) => {
      const name = `relp-${library}`;
      const actions = { [name]: host(outside) + certified() };
      await logged(name, `module(load="omrelp" tls.tlslib="${library}")`, actions, async () => {
        expect(await server.arrived(name, COUNT)).toEqual(numbered(COUNT));
      });
      expect(await identities()).toContainEqual(['relp', 'client', true]);
    });

    // By GnuTLS, librelp without a certificate of its own speaks anonymous TLS only, which is none.
    test('without one: from here, and not from beyond', async () => {
      const actions = { 'relp-near': host('127.0.0.1'), 'relp-unknown': host(outside) };
      const modules = 'module(load="omrelp" tls.tlslib="openssl")';
      await logged('relp-without', modules, actions, async () => {
        expect(await server.arrived('relp-near', COUNT)).toEqual(numbered(COUNT));
        expect(await turnedAway('relp')).toContain('protocol="relp",reason="peer_not_allowed"');
        expect(await server.linesOf('relp-unknown')).toEqual([]);
      });
    });
  });
});
