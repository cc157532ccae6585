import { throughline } from '../process/throughline.ts';

export default throughline('Throughline, defaults');
