import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Recipe, runStep } from '../backends/cached-builds.ts';

const GO = join(import.meta.dirname, 'go');
const PYTHON = join(import.meta.dirname, 'python');
const RUST = join(import.meta.dirname, 'rust');
const GRPC_GO = join(import.meta.dirname, 'grpc/go');
const GRPC_PYTHON = join(import.meta.dirname, 'grpc/python');

/** The Go service: one program. */
export const GO_SERVICE = goProgram('Go service', 'TL_INTEROP_GO', 'interop-go', GO);

/** The Go service that speaks gRPC. */
export const GRPC_GO_SERVICE = goProgram('Go gRPC service', 'TL_INTEROP_GRPC_GO', 'interop-grpc-go', GRPC_GO);

/** The virtual environment in which the Python service runs. */
export const PYTHON_ENVIRONMENT = pythonEnvironment(
  'Python environment',
  'TL_INTEROP_PYTHON',
  'interop-python',
  PYTHON,
);

/** The virtual environment in which the Python service runs that speaks gRPC. */
export const GRPC_PYTHON_ENVIRONMENT = pythonEnvironment(
  'Python gRPC environment',
  'TL_INTEROP_GRPC_PYTHON',
  'interop-grpc-python',
  GRPC_PYTHON,
);

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

export const PEERS = [
  GO_SERVICE,
  PYTHON_ENVIRONMENT,
  RUST_SERVICE,
  GRPC_GO_SERVICE,
  GRPC_PYTHON_ENVIRONMENT,
] as const;

function goProgram(name: string, override: string, key: string, source: string): Recipe {
  return {
    name,
    override,
    key: `${key}-${digestOf(source, 'main.go', 'go.mod', 'go.sum')}`,
    file: 'service',
    tools: ['go'],
    async make(folder) {
      await runStep('go', ['build', '-o', join(folder, 'service'), '.'], {
        cwd: source,
        env: { GOFLAGS: '-p=2 -buildvcs=false', CGO_ENABLED: '0' },
      });
    },
  };
}

function pythonEnvironment(name: string, override: string, key: string, source: string): Recipe {
  return {
    name,
    override,
    key: `${key}-${digestOf(source, 'requirements.txt')}`,
    file: join('bin', 'python'),
    tools: ['python3'],
    async make(folder) {
      await runStep('python3', ['-m', 'venv', folder]);
      const python = join(folder, 'bin', 'python');
      await runStep(python, ['-m', 'pip', 'install', '--quiet', '-r', join(source, 'requirements.txt')]);
    },
  };
}

function digestOf(folder: string, ...files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}
