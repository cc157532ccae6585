import { sentry } from '../process/sentry.mjs';

export default sentry(10);
