// npm run house: the laws of the house that neither the compiler nor ESLint keep.
import { fileURLToPath } from 'node:url';
import { checkHouse } from './house-laws.ts';
import { readSourceFiles } from './source-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readSourceFiles(root);
const found = checkHouse(files);
for (const { path, line, message } of found) console.error(`${path}:${line}  ${message}`);
console.error(`${files.length} files, ${found.length} violations of the house's laws`);
process.exitCode = found.length === 0 ? 0 : 1;
