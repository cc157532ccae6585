import calls from '../grpc-js.mjs';

/** The library itself over loopback: Node's HTTP/2 has no connection in memory. One call at a time is the same each time. */
export default { connect: (tracing) => calls.connect('', tracing) };
