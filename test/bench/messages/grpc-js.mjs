import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);

const bytes = (value) => value;
const ECHO = {
  echo: {
    path: '/bench.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

/** A server and a client of it: every message is a unary call, which is answered with the message. */
export default {
  async connect(_url, { trace }) {
    const grpc = require('@grpc/grpc-js');
    const server = new grpc.Server(trace && { interceptors: [trace.traceServer()] });
    let handled = async () => {};
    server.addService(ECHO, {
      async echo(call, callback) {
        await handled();
        callback(null, call.request);
      },
    });
    const bind = promisify(server.bindAsync.bind(server));
    const port = await bind('127.0.0.1:0', grpc.ServerCredentials.createInsecure());
    const Echo = grpc.makeClientConstructor(ECHO, 'Echo');
    const client = new Echo(
      `127.0.0.1:${port}`,
      grpc.credentials.createInsecure(),
      trace && { interceptors: [trace.traceClient()] },
    );
    return {
      send: (body) =>
        new Promise((resolve, reject) => {
          client.echo(body, (error, answer) => (error ? reject(error) : resolve(answer)));
        }),
      async consume(handler) {
        handled = handler;
      },
    };
  },
};
