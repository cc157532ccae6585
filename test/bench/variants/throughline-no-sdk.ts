import { throughline } from '../process/throughline.ts';

export default throughline('Throughline without an SDK: context carried on, nothing recorded', {
  sdk: false,
});
