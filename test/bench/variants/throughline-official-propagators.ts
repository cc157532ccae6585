import { officialPropagator } from '../process/sdk.ts';
import { throughline } from '../process/throughline.ts';

export default throughline("Throughline with OpenTelemetry's propagators", {
  propagator: officialPropagator(),
});
