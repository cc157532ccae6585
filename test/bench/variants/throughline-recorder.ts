import { throughline } from '../process/throughline.ts';

export default throughline("Throughline with the starter's recorder", { starter: true });
