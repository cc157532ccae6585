import { startSdk } from '../process/sdk.ts';

export default {
  title: 'Throughline, defaults',
  expects: { spans: true },
  async start(client) {
    const { createPropagator } = await import('@throughline/propagators');
    await startSdk({ propagator: createPropagator() });
    const home = client === 'grpc-js' ? 'grpc' : 'messaging';
    return { trace: await import(`@throughline/${home}/${client}`) };
  },
};
