// The functions of a pool's workers: each returns what it saw of its task and of the context.
import { tracedTask } from '@throughline/workers';
import { seen, startSdk } from '../sdk.ts';

startSdk();

const look = (task: unknown) => ({ task, seen: seen() });

export default tracedTask(look);
export const untraced = look;
export const failing = tracedTask(() => {
  throw new RangeError('mine');
});
