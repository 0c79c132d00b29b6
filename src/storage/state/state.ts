import { MeshtrailError } from '../../model/errors.ts';
import type { SegmentEnd } from '../../model/storage.ts';
import type { Clock } from '../../platform/clock.ts';
import { migrate, openDatabase, type Database } from '../../platform/sqlite.ts';
import { AGENT_SOURCE_TABLE, AgentSourceTable } from './agent-source-table.ts';
import { DEFINITION_TABLE, DefinitionTable } from './definition-table.ts';
import { SOURCE_TABLE, SourceTable } from './source-table.ts';

/**
 * The node's own small database (`state.db`): who it is, and which segments its lanes have ended,
 * so that sealing finds them after the journal has let their frames go. Opening it also locks the
 * data directory: the operating system lets go of the lock when the process ends, however it ends.
 */
const MIGRATIONS = [
  `CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), node TEXT NOT NULL) STRICT;
   CREATE TABLE segment (
     lane TEXT NOT NULL,
     segment INTEGER NOT NULL,
     bucket TEXT NOT NULL,
     first_seq INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     opened_ns INTEGER NOT NULL,
     closed_ns INTEGER NOT NULL,
     PRIMARY KEY (lane, segment)
   ) STRICT, WITHOUT ROWID;`,
  SOURCE_TABLE,
  AGENT_SOURCE_TABLE,
  DEFINITION_TABLE,
];

/** Ended segments are written together after this time, ms; the journal tells lost ones again. */
const WRITE_MS = 500;

export class State {
  private readonly database: Database;
  private readonly clock: Clock;
  /** Who ever sent here. */
  readonly sources: SourceTable;
  /** How far agents' sources are stored. */
  readonly agentSources: AgentSourceTable;
  /** What clients have set up by name. */
  readonly definitions: DefinitionTable;
  private ended: SegmentEnd[] = [];

  /** Opens or makes the database. Throws `data_in_use` when another process has it. */
  constructor(path: string, clock: Clock) {
    this.clock = clock;
    try {
      this.database = openDatabase(path);
      this.database.run('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE;');
      migrate(this.database, 'state.db', MIGRATIONS);
    } catch (error) {
      if (error instanceof Error && /locked|busy/i.test(error.message)) {
        throw new MeshtrailError(
          'data_in_use',
          `another process has ${path}`,
          'stop the other server, or choose another directory with --data',
        );
      }
      throw error;
    }
    this.sources = new SourceTable(this.database);
    this.agentSources = new AgentSourceTable(this.database);
    this.definitions = new DefinitionTable(this.database);
  }

  /** The node's name: the remembered one, else `proposed`, which is then remembered. */
  nodeName(proposed: string): string {
    const [row] = this.database.all('SELECT node FROM identity');
    if (row !== undefined) return String(row['node']);
    this.database.all('INSERT INTO identity VALUES (1, ?)', proposed);
    return proposed;
  }

  segmentEnded(end: SegmentEnd): void {
    this.ended.push(end);
    if (this.ended.length === 1) this.clock.setTimer(WRITE_MS, () => this.writeSegments());
  }

  /** Greatest `seq` of each lane's ended segments: no lane may begin before it again. */
  floors(): Map<string, number> {
    const rows = this.database.all('SELECT lane, max(last_seq) AS seq FROM segment GROUP BY lane');
    return new Map(rows.map((row) => [String(row['lane']), Number(row['seq'])]));
  }

  /** Time of the newest row of all ended segments, nanoseconds: no later row may be older. */
  latestNs(): bigint {
    const [row] = this.database.all('SELECT max(closed_ns) AS latest FROM segment');
    return (row?.['latest'] as bigint | null | undefined) ?? 0n;
  }

  /** Ended segments of a lane, in order. */
  segments(lane: string): SegmentEnd[] {
    this.writeSegments();
    const rows = this.database.all('SELECT * FROM segment WHERE lane = ? ORDER BY segment', lane);
    return rows.map((row) => ({
      lane: String(row['lane']),
      segment: Number(row['segment']),
      bucket: String(row['bucket']),
      firstSeq: Number(row['first_seq']),
      lastSeq: Number(row['last_seq']),
      bytes: Number(row['bytes']),
      openedNs: row['opened_ns'] as bigint,
      closedNs: row['closed_ns'] as bigint,
    }));
  }

  close(): void {
    this.writeSegments();
    this.database.close();
  }

  private writeSegments(): void {
    const { ended } = this;
    if (ended.length === 0) return;
    this.ended = [];
    this.database.transaction(() => {
      for (const s of ended) {
        this.database.all(
          'INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          s.lane,
          s.segment,
          s.bucket,
          s.firstSeq,
          s.lastSeq,
          s.bytes,
          s.openedNs,
          s.closedNs,
        );
      }
    });
  }
}
