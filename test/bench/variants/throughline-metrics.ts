import { throughline } from '../process/throughline.ts';

export default throughline('Throughline with metrics', { measures: true });
