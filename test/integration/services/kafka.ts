import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.ts';
import { OwnProcess } from './own-process.ts';
import { answers, freePort } from './port.ts';
import { missingProgram } from './program.ts';
import type { RunningService, Service } from './service.ts';
import { dataFolder, startServer } from './start-server.ts';

const VERSION = '4.1.1';
const JAVA = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
// ApiVersions, version 0, correlation id 1, no client id.
const API_VERSIONS = Buffer.from('0000000a0012000000000001ffff', 'hex');

/** Apache Kafka where Java and Maven are at hand, otherwise the mock cluster inside librdkafka. */
export const kafka: Service = {
  name: 'kafka',
  missing: () =>
    missingApacheKafka() &&
    missingProgram('kcat') &&
    `${missingApacheKafka()}, nor ${missingProgram('kcat')}`,
  start: () => (missingApacheKafka() === undefined ? startApacheKafka() : startMock()),
};

export function missingApacheKafka(): string | undefined {
  return missingProgram('java', 'mvn');
}

async function startApacheKafka(): Promise<RunningService> {
  const libraries = await cached(`kafka-${VERSION}`, downloadKafka);
  const [port, controllerPort] = await Promise.all([freePort(), freePort()]);
  const folder = dataFolder('kafka');
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, serverProperties(port, controllerPort, join(folder, 'data')));
  const java = [...JAVA, '-cp', join(libraries, '*')];
  await promisify(execFile)('java', [
    ...java,
    'kafka.tools.StorageTool',
    // One word with its option: one in 64 ids begins with a hyphen.
    ...['format', '--standalone', `--cluster-id=${randomBytes(16).toString('base64url')}`, '-c', properties],
  ]);
  return startServer({
    url: `kafka://127.0.0.1:${port}`,
    description: `Apache Kafka ${VERSION}`,
    durable: true,
    program: 'java',
    args: [...java, 'kafka.Kafka', properties],
    folder,
    ready: () => answers(port, API_VERSIONS),
  });
}

/** Fetches the broker and what it needs from Maven Central. */
async function downloadKafka(folder: string): Promise<void> {
  const pom = join(folder, 'pom.xml');
  writeFileSync(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>throughline</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`,
  );
  await promisify(execFile)('mvn', [
    ...['-B', '-q', '-f', pom, 'dependency:copy-dependencies'],
    ...['-DincludeScope=runtime', `-DoutputDirectory=${folder}`],
  ]);
}

/** One node that is broker and controller, and keeps nothing waiting for replicas or group members. */
function serverProperties(port: number, controllerPort: number, folder: string): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': folder,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** Debian's kcat has no option for a mock cluster, but starts one for a consumer and prints where it is. */
async function startMock(): Promise<RunningService> {
  const folder = dataFolder('kafka-mock');
  const mock = new OwnProcess({
    program: 'kcat',
    args: ['-C', '-X', 'test.mock.num.brokers=1', '-d', 'mock', '-b', '127.0.0.1:1', '-t', 'boot'],
    folder,
  });
  const address = () => /bootstrap\.servers=([\d.:]+)/.exec(mock.output())?.[1];
  await mock.until(() => address() !== undefined);
  return {
    url: `kafka://${address()}`,
    description: "librdkafka's mock cluster, because Java or Maven is not installed",
    durable: false,
    async restart() {
      throw new Error('The mock cluster keeps nothing over a restart. Install Java 17 and Maven.');
    },
    async stop() {
      await mock.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
