import { SOCKET_IO } from './socket.io-under-test.ts';
import { WEBSOCKETS } from './ws-under-test.ts';

/** All that the kit for sockets runs against, by title. */
export const SOCKET_LIBRARIES = { ...WEBSOCKETS, ...SOCKET_IO };
