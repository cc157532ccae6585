import { traceInterceptor } from '@throughline/fetch';
import { throughline } from '../process/throughline.ts';

interface Dispatcher {
  compose(interceptor: unknown): Dispatcher;
}

const dispatchers = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
let traced: Dispatcher | undefined;

/** The global fetch over its own dispatcher, with the interceptor in it. */
export default {
  ...throughline('Throughline, interceptor'),
  call(url: string) {
    traced ??= dispatchers[Symbol.for('undici.globalDispatcher.1')]?.compose(traceInterceptor());
    return fetch(url, { dispatcher: traced } as RequestInit);
  },
};
