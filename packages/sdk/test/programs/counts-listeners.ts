// Ends the process by itself when its signal listener is the only one, as the package signal-exit does.
import { startTracing } from '@throughline/sdk';

const listener = () => {
  if (process.listenerCount('SIGTERM') > 1) return;
  process.removeListener('SIGTERM', listener);
  process.kill(process.pid, 'SIGTERM');
};
process.on('SIGTERM', listener);
startTracing({ serviceName: 'counts' });
setInterval(() => {}, 1_000);
console.log('ready');
