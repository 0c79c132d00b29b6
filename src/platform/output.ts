/** The only door to standard output and standard error: what the person at the terminal reads. */
export interface Output {
  /** Resolves when the reader has room again, so that a long answer does not pile up. */
  write(text: string | Uint8Array): Promise<void>;
  /** For people: progress, notices, errors. Never mixed into results. */
  notice(text: string): void;
  /** A person watches: colours and progress bars make sense. */
  readonly isTerminal: boolean;
  /** Width of the terminal in columns; 80 where there is none. */
  columns(): number;
}

// The reader left (`| head`): nobody is there to tell, and it is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** Standard output of this process, notices on standard error. */
export const systemOutput: Output = {
  write(text) {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        // The reader left (`| head`): what it did not want is no failure.
        if (error && !('code' in error && error.code === 'EPIPE')) reject(error);
        else resolve();
      });
    });
  },
  notice: (text) => void process.stderr.write(text),
  isTerminal: process.stdout.isTTY,
  columns: () => (process.stdout.isTTY ? process.stdout.columns : 80),
};
