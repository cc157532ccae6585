import { startSdk } from '../process/sdk.ts';

export default {
  title: 'Throughline, defaults',
  expects: { spans: true },
  async start(client) {
    const { createPropagator } = await import('@throughline/propagators');
    await startSdk({ propagator: createPropagator() });
    return { trace: await import(`@throughline/messaging/${client}`) };
  },
};
