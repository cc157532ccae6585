import { snsToSqs } from '../sns-to-sqs.ts';

export default snsToSqs('wrapped');
