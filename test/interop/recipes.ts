import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Recipe, runStep } from '../backends/cached-builds.ts';

const GO = join(import.meta.dirname, 'go');
const PYTHON = join(import.meta.dirname, 'python');
const RUST = join(import.meta.dirname, 'rust');

/** The Go service: one program. */
export const GO_SERVICE: Recipe = {
  name: 'Go service',
  override: 'TL_INTEROP_GO',
  key: `interop-go-${digestOf(GO, 'main.go', 'go.mod', 'go.sum')}`,
  file: 'service',
  tools: ['go'],
  async make(folder) {
    await runStep('go', ['build', '-o', join(folder, 'service'), '.'], {
      cwd: GO,
      env: { GOFLAGS: '-p=2 -buildvcs=false', CGO_ENABLED: '0' },
    });
  },
};

/** The virtual environment in which the Python service runs. */
export const PYTHON_ENVIRONMENT: Recipe = {
  name: 'Python environment',
  override: 'TL_INTEROP_PYTHON',
  key: `interop-python-${digestOf(PYTHON, 'requirements.txt')}`,
  file: join('bin', 'python'),
  tools: ['python3'],
  async make(folder) {
    await runStep('python3', ['-m', 'venv', folder]);
    const python = join(folder, 'bin', 'python');
    await runStep(python, ['-m', 'pip', 'install', '--quiet', '-r', join(PYTHON, 'requirements.txt')]);
  },
};

/** The Rust service: one program. */
export const RUST_SERVICE: Recipe = {
  name: 'Rust service',
  override: 'TL_INTEROP_RUST',
  key: `interop-rust-${digestOf(RUST, 'src/main.rs', 'Cargo.toml', 'Cargo.lock')}`,
  file: 'service',
  tools: ['cargo'],
  async make(folder) {
    const target = join(folder, 'target');
    await runStep('cargo', ['build', '--quiet', '--locked', '--jobs', '2', '--target-dir', target], {
      cwd: RUST,
    });
    await copyFile(join(target, 'debug', 'throughline-interop'), join(folder, 'service'));
    await rm(target, { recursive: true });
  },
};

export const PEERS = [GO_SERVICE, PYTHON_ENVIRONMENT, RUST_SERVICE] as const;

function digestOf(folder: string, ...files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}
