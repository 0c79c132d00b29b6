import type { Command } from 'commander';
import { compileFormat, KINDS, type Definition, type Kind } from '../../ingest/formats/compile.ts';
import { explainField } from '../../ingest/formats/field.ts';
import { MeshtrailError } from '../../model/errors.ts';
import { systemDisk } from '../../platform/disk.ts';
import { systemOutput } from '../../platform/output.ts';
import { openSource } from './send-file.ts';
import { printTable } from './table.ts';

interface ExplainFlags {
  readonly kind?: string;
}

interface TestFlags extends ExplainFlags {
  readonly format: string;
  readonly show: string;
}

const EXAMPLES = `
Kinds: ${KINDS.join(', ')}. Without --kind the definition tells: %OPERATOR% is Envoy's,
$variable NGINX's, %{NAME:field} grok's.

Examples:
  meshtrail format explain '[%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE%'
  meshtrail format explain '$remote_addr [$time_local] "$request" $status' --kind nginx
  meshtrail format test --format 'log_format m "$remote_addr $status";' access.log
  meshtrail format test --kind haproxy --format @haproxy.format haproxy.log`;

export const addFormat = (program: Command): void => {
  const command = program
    .command('format')
    .description('see what a definition of a log format yields, and try it on a file')
    .addHelpText('after', EXAMPLES);
  command
    .command('explain <definition>')
    .description(
      "show the fields of a definition (@FILE reads it from a file): a mesh's or proxy's",
    )
    .option('--kind <kind>', KINDS.join(', '))
    .addHelpText('after', EXAMPLES)
    .action(explain);
  command
    .command('test <file>')
    .description('read a file of lines by a definition: which match, which do not and why')
    .requiredOption('--format <definition>', 'the definition, or @FILE')
    .option('--kind <kind>', KINDS.join(', '))
    .option('--show <n>', 'lines shown that do not match', '10')
    .addHelpText('after', EXAMPLES)
    .action(test);
};

/** What the text itself says of its kind. */
const kindOf = (format: string): Kind | undefined => {
  if (/%KUMA_/.test(format)) return 'kuma';
  if (/%[A-Z][A-Z0-9_]{2,}(\(.*?\))?(:\d+)?%/.test(format)) return 'envoy';
  if (/%\{[A-Z0-9_]{2,}(:[^}]*\}|\}(?![A-Za-z]))/.test(format)) return 'grok';
  if (/\(\?P?</.test(format)) return 'regex';
  if (/^\s*LogFormat\s|%>s|%\{[^}]*\}[ioCe]/.test(format)) return 'apache';
  if (/^\s*log-format\s|%\[|%\{[+-]/.test(format)) return 'haproxy';
  return /\$\{?[a-z]/.test(format) ? 'nginx' : undefined;
};

const definitionOf = async (text: string, flags: ExplainFlags): Promise<Definition> => {
  const format = text.startsWith('@') ? await readDefinition(text.slice(1)) : text;
  const kind = KINDS.find((one) => one === flags.kind) ?? kindOf(format);
  if (flags.kind !== undefined && !KINDS.some((one) => one === flags.kind))
    throw new MeshtrailError(
      'flag_invalid',
      `--kind '${flags.kind}' is unknown`,
      `use ${KINDS.join(', ')}`,
    );
  if (kind === undefined)
    throw new MeshtrailError(
      'flag_invalid',
      'the definition does not tell of which kind it is',
      `add --kind with one of ${KINDS.join(', ')}`,
    );
  return { kind, format };
};

const readDefinition = async (file: string): Promise<string> => {
  try {
    return (await systemDisk.readFile(file)).toString('utf8');
  } catch (error) {
    throw new MeshtrailError(
      'file_unreadable',
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      'check the path and its permissions',
    );
  }
};

const explain = async (text: string, flags: ExplainFlags): Promise<void> => {
  const compiled = compileFormat(await definitionOf(text, flags));
  const rows = compiled.fields.map((field) => {
    const { operator, goesTo, unit } = explainField(field);
    const isAttribute = goesTo.startsWith('attributes.');
    return [operator, isAttribute ? '' : goesTo, isAttribute ? goesTo : '', unit];
  });
  await printTable(['operator', 'column', 'attribute', 'unit'], rows);
};

const LINE_END = 10;

/** The lines of a file, without their ends. */
async function* linesOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  let held = Buffer.alloc(0);
  for await (const chunk of (await openSource(file)).chunks(0)) {
    const bytes = Buffer.concat([held, chunk]);
    let from = 0;
    for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, from)) {
      yield bytes.subarray(from, bytes[at - 1] === 13 && at > from ? at - 1 : at);
      from = at + 1;
    }
    held = bytes.subarray(from);
  }
  if (held.length > 0) yield held;
}

/** Bytes of a line that are shown. */
const SHOWN_BYTES = 200;

const test = async (file: string, flags: TestFlags): Promise<void> => {
  const compiled = compileFormat(await definitionOf(flags.format, flags));
  const most = Number(flags.show);
  if (!Number.isInteger(most) || most < 0)
    throw new MeshtrailError('flag_invalid', `--show '${flags.show}' is no number`, '--show 10');
  let matched = 0;
  let unmatched = 0;
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    if (line.length === 0) continue;
    if (compiled.read(line) !== undefined) {
      matched++;
      continue;
    }
    if (unmatched++ >= most) continue;
    const shown = line.subarray(0, SHOWN_BYTES).toString('utf8');
    const plain = shown.replace(/[\u0000-\u001f\u007f]/g, ' ');
    await systemOutput.write(`line ${number}, ${compiled.why(line)}\n  ${plain}\n`);
  }
  await systemOutput.write(`${matched} matched, ${unmatched} unmatched\n`);
};
