import { clientOf } from './mqtt.ts';

/** MQTT 3.1.1, in envelopes. */
export default clientOf(4);
